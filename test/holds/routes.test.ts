import t, { type Test } from 'tap'
import { heldKeys } from '../../src/holds/find-holds.ts'
import { movableClock } from '../support/people.ts'
import { snapshotService } from '../snapshots/service.ts'

t.test('a record is held until the hold is lifted or over', async (t: Test) => {
  const clock = movableClock()
  const { app, call } = await snapshotService(t, { clock })
  const until = new Date(clock.at + 3_600_000).toISOString()
  const hold = { dataset: 'video-library', key: 'Gaming', reason: 'a dispute' }
  const first = await call('POST', '/holds', { ...hold, until })
  t.match(first, { status: 201, body: { key: 'Gaming', active: true, until } })
  const second = await call('POST', '/holds', { ...hold, reason: 'another' })
  const held = async () => [
    ...(await heldKeys(app.orm.em.fork(), 'video-library', [['Gaming'], ['x']], clock.now())),
  ]
  t.same(await held(), ['["Gaming"]'])
  t.equal((await call('GET', '/holds?dataset=video-library&key=Gaming')).body.items.length, 2)
  t.equal((await call('GET', '/holds?dataset=video-library&key=Other')).body.items.length, 0)
  t.equal((await call('DELETE', `/holds/${second.body.id}`)).status, 204)
  t.same(await held(), ['["Gaming"]'], 'the other is still there')
  clock.at += 3_600_000
  t.same(await held(), [])
  t.match((await call('GET', '/holds')).body.items, [{ active: false }])
  t.match((await call('GET', '/audit?action=hold.created')).body.items.length, 2)
})

t.test('what is wrong with a hold is said', async (t: Test) => {
  const { call } = await snapshotService(t)
  const hold = { dataset: 'chat', key: '1', reason: 'why' }
  t.match((await call('POST', '/holds', { ...hold, key: 'x' })).body, { code: 'SCOPE_INVALID' })
  t.match((await call('POST', '/holds', { ...hold, until: '2020-01-01T00:00:00Z' })).body, {
    code: 'HOLD_OPTIONS_INVALID',
  })
  t.match((await call('POST', '/holds', { ...hold, reason: '' })).body, { code: 'VALIDATION_FAILED' })
  t.match((await call('GET', '/holds?key=1')).body, { code: 'VALIDATION_FAILED' })
  t.match((await call('DELETE', '/holds/0199a000-0000-7000-8000-000000000000')).body, {
    code: 'HOLD_NOT_FOUND',
  })
})
