import t from 'tap'
import { sql } from '../support/postgres.ts'
import { storedKeys } from './read-store.ts'
import { snapshotService, take, type Answer } from './service.ts'

const ids = (answer: Answer) => answer.body.items.map(({ id }) => id)

t.test('newest first, in pages that stay put while snapshots are added', async (t) => {
  const service = await snapshotService(t)
  const taken: string[] = []
  for (const month of ['2026-05', '2026-06', '2026-07', '2026-08', '2026-09'])
    taken.unshift((await take(service, { dataset: 'chat', scope: { month } })).id)
  const first = await service.call('GET', '/snapshots?limit=2')
  t.same(ids(first), taken.slice(0, 2))
  await take(service, { dataset: 'video-library' })
  const second = await service.call('GET', `/snapshots?limit=2&cursor=${first.body.nextCursor}`)
  t.same(ids(second), taken.slice(2, 4))
  const third = await service.call('GET', `/snapshots?limit=2&cursor=${second.body.nextCursor}`)
  t.same(ids(third), taken.slice(4))
  t.equal(third.body.nextCursor, null)
  t.equal((await service.call('GET', '/snapshots?cursor=x')).body.code, 'CURSOR_INVALID')
  t.equal((await service.call('GET', '/snapshots?limit=201')).status, 400)
})

t.test('filters', async (t) => {
  const clock = { time: new Date('2026-11-01T12:00:00Z'), now: () => clock.time }
  const service = await snapshotService(t, { clock })
  const early = await take(service, { dataset: 'chat', scope: { month: '2026-09' }, trigger: 'scheduled' })
  clock.time = new Date('2026-11-02T12:00:00Z')
  const late = await take(service, { dataset: 'video-library' })
  const list = async (query: string) => ids(await service.call('GET', `/snapshots?${query}`))
  t.same(await list('dataset=chat'), [early.id])
  t.same(await list('trigger=manual'), [late.id])
  t.same(await list('status=completed'), [late.id, early.id])
  t.same(await list('status=failed'), [])
  t.same(await list('from=2026-11-02T00:00:00Z'), [late.id])
  t.same(await list('to=2026-11-02T12:00:00Z'), [early.id], 'to is exclusive')
  t.equal((await service.call('GET', '/snapshots?status=lost')).status, 400)
  t.equal((await service.call('GET', '/snapshots?colour=red')).status, 400)
})

t.test('those that cover a record', async (t) => {
  const service = await snapshotService(t)
  const { call, source, app } = service
  const [session] = await sql(
    source,
    `SELECT id::text, to_char(created_at AT TIME ZONE 'Asia/Kuala_Lumpur', 'YYYY-MM') AS month
       FROM chat.sessions ORDER BY id LIMIT 1`,
  )
  const { id: key, month } = session as { id: string; month: string }
  const all = await take(service, { dataset: 'chat' })
  const named = await take(service, { dataset: 'chat', scope: { keys: [key, '2'] } })
  const other = await take(service, { dataset: 'chat', scope: { keys: ['2', '3'] } })
  const itsMonth = await take(service, { dataset: 'chat', scope: { month } })
  const otherMonth = await take(service, { dataset: 'chat', scope: { month: '1999-01' } })
  const found = async (path = `/snapshots?dataset=chat&key=${key}`) => ids(await call('GET', path))
  t.same(await found(), [itsMonth.id, named.id, all.id])
  t.notOk((await found()).some((id) => id === other.id || id === otherMonth.id))

  t.test('judged by the artifact, not by the date that the record has now', async (t) => {
    await sql(source, `UPDATE chat.sessions SET created_at = '1999-01-10Z' WHERE id = ${key}`)
    t.same(await found(), [itsMonth.id, named.id, all.id])
  })

  t.test('page by page', async (t) => {
    const first = await call('GET', `/snapshots?dataset=chat&key=${key}&limit=2`)
    t.same(ids(first), [itsMonth.id, named.id])
    t.same(await found(`/snapshots?dataset=chat&key=${key}&limit=2&cursor=${first.body.nextCursor}`), [
      all.id,
    ])
  })

  t.test('a key of the wrong type, or of no dataset', async (t) => {
    t.match(await call('GET', '/snapshots?dataset=chat&key=x'), {
      status: 400,
      body: { code: 'SCOPE_INVALID' },
    })
    t.match(await call('GET', '/snapshots?key=1'), { status: 400, body: { code: 'VALIDATION_FAILED' } })
  })

  t.test('one whose manifest is gone covers nothing', async (t) => {
    const manifest = `${itsMonth.key}.manifest.json`
    t.ok((await storedKeys(app.stores.main)).includes(manifest))
    await app.stores.main.delete(manifest)
    t.same(await found(), [named.id, all.id])
  })
})

t.test('text keys are taken as they are typed', async (t) => {
  const service = await snapshotService(t)
  await sql(service.source, `INSERT INTO video_library.categories (name) VALUES (' 7, "seven" ')`)
  const { id } = await take(service, { dataset: 'video-library', scope: { keys: [' 7, "seven" '] } })
  const key = encodeURIComponent(' 7, "seven" ')
  t.same(ids(await service.call('GET', `/snapshots?dataset=video-library&key=${key}`)), [id])
  t.same(ids(await service.call('GET', '/snapshots?dataset=video-library&key=7')), [])
})
