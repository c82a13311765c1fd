import t from 'tap'
import { damage, readObject } from './read-store.ts'
import { snapshotService, take } from './service.ts'

t.test('verification reads the stored bytes again', async (t) => {
  const clock = { time: new Date('2026-11-20T12:00:00Z'), now: () => clock.time }
  const service = await snapshotService(t, { clock })
  const { call, app } = service
  const store = app.stores.main
  const scope = { month: '2026-10' }
  const verify = (id: string) => call('POST', `/snapshots/${id}/verifications`)
  const get = async (id: string) => (await call('GET', `/snapshots/${id}`)).body

  t.test('a good one', async (t) => {
    const { id, sha256, bytes } = await take(service, { dataset: 'chat', scope })
    clock.time = new Date('2026-11-20T13:00:00Z')
    const answer = await verify(id)
    const checkedAt = '2026-11-20T13:00:00.000Z'
    t.match(answer, { status: 200, body: { ok: true, sha256, bytes, checkedAt, problems: [] } })
    t.match(await get(id), { status: 'completed', verifiedAt: checkedAt, lastVerification: { ok: true } })
    const { body } = await call('GET', `/audit?entityId=${id}&action=snapshot.verified`)
    t.match(body.items, [{ outcome: 'done', actor: { type: 'token' }, metadata: { sha256 } }])
  })

  t.test('one with a single bit turned counts no longer, until its bytes are back', async (t) => {
    const { id, key, verifiedAt } = await take(service, { dataset: 'chat', scope })
    const good = await readObject(store, key)
    await damage(store, key)
    t.match(await verify(id), { status: 200, body: { ok: false, problems: [/damaged/] } })
    t.match(await get(id), { status: 'failed', error: { code: 'SNAPSHOT_CORRUPT' }, verifiedAt })
    const completed = await call('GET', '/snapshots?status=completed')
    t.notOk(
      completed.body.items.some((item) => item.id === id),
      'it is not listed as completed',
    )
    t.match(await call('GET', `/snapshots/${id}/content`), {
      status: 409,
      body: { code: 'SNAPSHOT_CORRUPT' },
    })
    t.match(await call('GET', `/snapshots/${id}/changes`), {
      status: 409,
      body: { code: 'SNAPSHOT_CORRUPT' },
    })
    const reused = await call('POST', '/snapshots', { dataset: 'chat', scope, reuseWithin: '1h' })
    t.not(reused.body.id, id, 'nobody is given it instead of a new one')
    const { body } = await call('GET', `/audit?entityId=${id}&action=snapshot.found_corrupt`)
    t.match(body.items, [{ outcome: 'failed' }])

    await call('PATCH', `/snapshots/${id}`, { title: 'Damaged' })
    t.match((await store.head(key))?.key, key, 'its bytes are kept')
    await store.put(key, good)
    t.match(await verify(id), { status: 200, body: { ok: true } })
    t.match(await get(id), { status: 'completed', error: null, title: 'Damaged' })
    const manifest = JSON.parse((await readObject(store, `${key}.manifest.json`)).toString())
    t.equal(manifest.title, 'Damaged', 'the manifest is brought up to date')
  })

  t.test('cut, gone, swapped, or with another manifest', async (t) => {
    const harms: Record<string, (key: string, other: string) => Promise<unknown>> = {
      cut: async (key) => store.put(key, (await readObject(store, key)).subarray(0, -1)),
      longer: async (key) => store.put(key, Buffer.concat([await readObject(store, key), Buffer.from('x')])),
      gone: (key) => store.delete(key),
      swapped: async (key, other) => store.put(key, await readObject(store, other)),
      'without a manifest': (key) => store.delete(`${key}.manifest.json`),
      'with no JSON for a manifest': (key) => store.put(`${key}.manifest.json`, Buffer.from('{')),
      'with the manifest of another': async (key, other) =>
        store.put(`${key}.manifest.json`, await readObject(store, `${other}.manifest.json`)),
    }
    const other = await take(service, { dataset: 'chat', scope: { month: '2026-08' } })
    for (const [name, harm] of Object.entries(harms)) {
      const { id, key } = await take(service, { dataset: 'chat', scope })
      await harm(key, other.key)
      const answer = await verify(id)
      t.match(answer, { status: 200, body: { ok: false, problems: [/./] } }, name)
      t.match(await get(id), { status: 'failed', error: { code: 'SNAPSHOT_CORRUPT' } }, name)
    }
  })

  t.test('an unreachable store says nothing about the snapshot', async (t) => {
    const { id } = await take(service, { dataset: 'chat', scope })
    const { rename } = await import('node:fs/promises')
    await rename(service.folder, `${service.folder}-away`)
    t.match(await verify(id), { status: 503, body: { code: 'STORE_UNREACHABLE' } })
    await rename(`${service.folder}-away`, service.folder)
    t.match(await get(id), { status: 'completed', error: null, lastVerification: { ok: true } })
  })

  t.test('only what is completed can be verified', async (t) => {
    const { id } = await take(service, { dataset: 'chat', scope })
    await app.orm.em.fork().execute(`UPDATE snapshots SET status = 'expired' WHERE id = ?`, [id])
    t.match(await verify(id), { status: 409, body: { code: 'SNAPSHOT_NOT_COMPLETED' } })
  })
})
