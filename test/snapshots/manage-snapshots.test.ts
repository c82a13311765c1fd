import { rename } from 'node:fs/promises'
import t from 'tap'
import { systemActor } from '../../src/audit/actor.ts'
import { expireSnapshot } from '../../src/snapshots/delete-snapshot.ts'
import { reconcileSnapshots } from '../../src/snapshots/reconcile-snapshots.ts'
import { readObject, storedKeys } from './read-store.ts'
import { snapshotService, take, type Service } from './service.ts'

const scope = { month: '2026-10' }
const system = { actor: systemActor }

t.test('what can be done with a snapshot afterwards', async (t) => {
  const clock = { time: new Date('2026-11-20T12:00:00Z'), now: () => clock.time }
  const service = await snapshotService(t, { clock })
  const { call, app } = service
  const store = app.stores.main
  const actionsOn = async (id: string) =>
    (await call('GET', `/audit?entityId=${id}`)).body.items.map(
      ({ action, outcome }) => `${action} ${outcome}`,
    )

  t.test('title, note, hold and expiry, in the row and in the manifest', async (t) => {
    const { id, key } = await take(service, { dataset: 'chat', scope })
    const changes = { title: 'Kept', note: null, hold: true, expiresAt: '2027-01-01T00:00:00.000Z' }
    t.match(await call('PATCH', `/snapshots/${id}`, changes), { status: 200, body: { id, ...changes } })
    t.match(await manifestOf(service, key), { id, ...changes })
    t.match(await actionsOn(id), ['snapshot.updated done'])

    t.match(await call('PATCH', `/snapshots/${id}`, {}), { status: 400 })
    t.match(await call('PATCH', `/snapshots/${id}`, { status: 'completed' }), { status: 400 })
    const past = await call('PATCH', `/snapshots/${id}`, { expiresAt: '2026-11-20T11:00:00Z' })
    t.match(past, { status: 422, body: { code: 'SNAPSHOT_OPTIONS_INVALID' } })
    const never = await call('PATCH', `/snapshots/${id}`, { expiresAt: null, title: null })
    t.match(never.body, { expiresAt: null, title: null, hold: true })
  })

  t.test('two people editing: If-Match refuses the one who saw an older version', async (t) => {
    const { id } = await take(service, { dataset: 'chat', scope })
    const etag = String((await call('GET', `/snapshots/${id}`)).raw.headers['etag'])
    const mine = await call('PATCH', `/snapshots/${id}`, { title: 'Mine' }, { 'if-match': etag })
    t.equal(mine.status, 200)
    const theirs = await call('PATCH', `/snapshots/${id}`, { title: 'Theirs' }, { 'if-match': etag })
    t.match(theirs, { status: 412, body: { code: 'PRECONDITION_FAILED' } })
    t.equal((await call('GET', `/snapshots/${id}`)).body['title'], 'Mine')
  })

  t.test('deleting takes the manifest, the artifact and the row', async (t) => {
    const { id, key } = await take(service, { dataset: 'chat', scope })
    const removed: string[] = []
    t.intercept(store, 'delete', {
      value: async (key: string) => {
        removed.push(key)
        return Object.getPrototypeOf(store).delete.call(store, key)
      },
    })
    t.equal((await call('DELETE', `/snapshots/${id}`)).status, 204)
    t.same(removed, [`${key}.manifest.json`, key], 'the manifest first')
    t.notOk((await storedKeys(store)).some((stored) => stored.includes(id)))
    t.equal((await call('GET', `/snapshots/${id}`)).body.code, 'SNAPSHOT_NOT_FOUND')
    t.equal((await call('DELETE', `/snapshots/${id}`)).status, 404)
    t.same(await actionsOn(id).then((actions) => actions[0]), 'snapshot.deleted done')
    const rows = await app.orm.em.fork().execute('SELECT 1 FROM snapshots WHERE id = ?', [id])
    t.equal(rows.length, 0)
  })

  t.test('a held one stays, whoever asks', async (t) => {
    const { id, key } = await take(service, { dataset: 'chat', scope })
    await call('PATCH', `/snapshots/${id}`, { hold: true })
    for (const force of [false, true]) {
      const answer = await call('DELETE', `/snapshots/${id}?force=${force}`)
      t.match(answer, { status: 409, body: { code: 'SNAPSHOT_HELD' } })
    }
    await t.rejects(expireSnapshot(app, id, system, { reasons: [] }), { code: 'SNAPSHOT_HELD' })
    t.ok(await store.head(key))
    t.equal((await actionsOn(id))[0], 'snapshots:delete refused')
    await call('PATCH', `/snapshots/${id}`, { hold: false })
    t.equal((await call('DELETE', `/snapshots/${id}`)).status, 204)
  })

  t.test('what a restore overwrote stays for as long as it can be undone, unless forced', async (t) => {
    const { id } = await take(service, { dataset: 'chat', scope })
    const restoreId = '0198c0de-0000-7000-8000-000000000000'
    await app.orm.em.fork().execute('UPDATE snapshots SET restore_id = ? WHERE id = ?', [restoreId, id])
    t.match(await call('DELETE', `/snapshots/${id}`), { status: 409, body: { code: 'SNAPSHOT_NEEDED' } })
    await t.rejects(expireSnapshot(app, id, system, { reasons: [] }), { code: 'SNAPSHOT_NEEDED' })
    t.equal((await call('DELETE', `/snapshots/${id}?force=true`)).status, 204)

    const other = await take(service, { dataset: 'chat', scope })
    await app.orm.em.fork().execute('UPDATE snapshots SET restore_id = ? WHERE id = ?', [restoreId, other.id])
    clock.time = new Date('2026-11-27T12:00:00Z')
    t.equal((await call('DELETE', `/snapshots/${other.id}`)).status, 204, 'seven days later')
  })

  t.test('expiry removes the bytes and leaves the description', async (t) => {
    const { id, key, sha256, counts } = await take(service, { dataset: 'chat', scope })
    await expireSnapshot(app, id, system, { reasons: [] })
    t.match((await call('GET', `/snapshots/${id}`)).body, { status: 'expired', sha256, counts, error: null })
    t.notOk((await storedKeys(store)).some((stored) => stored.startsWith(key)))
    t.match(await call('GET', `/snapshots/${id}/content`), {
      status: 409,
      body: { code: 'SNAPSHOT_NOT_COMPLETED' },
    })
    await t.rejects(expireSnapshot(app, id, system, { reasons: [] }), { code: 'SNAPSHOT_NOT_COMPLETED' })
    t.match(await call('PATCH', `/snapshots/${id}`, { hold: true }), {
      body: { code: 'SNAPSHOT_NOT_COMPLETED' },
    })
    t.equal((await actionsOn(id))[0], 'snapshots:update refused')
    t.equal((await call('DELETE', `/snapshots/${id}`)).status, 204)
  })

  t.test('one that is still being taken is cancelled, not deleted', async (t) => {
    const { id, key } = await take(service, { dataset: 'chat', scope })
    await app.orm.em.fork().execute(`UPDATE snapshots SET status = 'generating' WHERE id = ?`, [id])
    t.match(await call('DELETE', `/snapshots/${id}`), { status: 409, body: { code: 'SNAPSHOT_UNFINISHED' } })
    for (const _ of ['once', 'again']) {
      const answer = await call('POST', `/snapshots/${id}/cancellation`)
      t.match(answer, { status: 200, body: { status: 'failed', error: { code: 'SNAPSHOT_CANCELLED' } } })
    }
    t.notOk(await store.head(key), 'nothing of it was kept')
    t.equal((await call('DELETE', `/snapshots/${id}`)).status, 204)
    const finished = await take(service, { dataset: 'chat', scope })
    const late = await call('POST', `/snapshots/${finished.id}/cancellation`)
    t.match(late, { status: 409, body: { code: 'SNAPSHOT_FINISHED' } })
  })

  t.test('what an unreachable store leaves undone is done when it is back', async (t) => {
    const deleted = await take(service, { dataset: 'chat', scope })
    const expired = await take(service, { dataset: 'chat', scope })
    const updated = await take(service, { dataset: 'chat', scope })
    await rename(service.folder, `${service.folder}-away`)
    t.equal((await call('DELETE', `/snapshots/${deleted.id}`)).status, 204)
    await expireSnapshot(app, expired.id, system, { reasons: [] })
    t.equal((await call('PATCH', `/snapshots/${updated.id}`, { hold: true })).status, 200)
    t.equal((await call('GET', `/snapshots/${deleted.id}`)).status, 404, 'it is gone from the lists at once')
    await rename(`${service.folder}-away`, service.folder)

    await reconcileSnapshots(app)
    const keys = await storedKeys(store)
    t.notOk(keys.some((key) => key.includes(deleted.id) || key.includes(expired.id)))
    t.equal((await manifestOf(service, updated.key))['hold'], true)
    const due = await app.orm.em
      .fork()
      .execute('SELECT id FROM snapshots WHERE store_due OR deleted_at IS NOT NULL')
    t.same(due, [])
  })

  t.test(
    'a manifest that cannot be rewritten since it is gone shows the snapshot to be corrupt',
    async (t) => {
      const { id, key } = await take(service, { dataset: 'chat', scope })
      await store.delete(`${key}.manifest.json`)
      await call('PATCH', `/snapshots/${id}`, { title: 'New' })
      const { body } = await call('GET', `/snapshots/${id}`)
      t.match(body, { status: 'failed', title: 'New', error: { code: 'SNAPSHOT_CORRUPT' } })
      t.equal((await actionsOn(id))[0], 'snapshot.found_corrupt failed')
    },
  )
})

async function manifestOf({ app }: Service, key: string): Promise<Record<string, unknown>> {
  return JSON.parse((await readObject(app.stores.main, `${key}.manifest.json`)).toString())
}
