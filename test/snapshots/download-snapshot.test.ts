import { createHash } from 'node:crypto'
import { unzstd } from './zstd.ts'
import t from 'tap'
import { snapshotService, take } from './service.ts'
import { damage } from './read-store.ts'

t.test('the artifact as a file', async (t) => {
  const service = await snapshotService(t)
  const { call } = service
  const { id, sha256, bytes, storedBytes } = await take(service, { dataset: 'video-library' })
  const path = `/snapshots/${id}/content`

  const whole = await call('GET', path)
  const content = whole.raw.rawPayload
  t.match(whole.raw.headers, {
    'content-type': /^application\/json/,
    'content-length': String(bytes),
    'content-disposition': /^attachment; filename="?video-library_all_\d{8}T\d{6}Z\.json"?$/,
    'repr-digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`,
  })
  t.equal(createHash('sha256').update(content).digest('hex'), sha256)

  const part = await call('GET', path, undefined, { range: 'bytes=10-109' })
  t.equal(part.status, 206)
  t.same(part.raw.rawPayload, content.subarray(10, 110))

  const stored = await call('GET', path, undefined, { 'accept-encoding': 'zstd' })
  t.equal(stored.raw.headers['content-encoding'], 'zstd')
  t.equal(stored.raw.rawPayload.length, storedBytes)
  t.same(unzstd(stored.raw.rawPayload), content)

  const head = await call('HEAD', path)
  t.match(head.raw.headers, { 'content-length': String(bytes), 'accept-ranges': 'bytes' })

  const { body } = await call('GET', `/audit?entityId=${id}&action=snapshot.downloaded`)
  t.match(body.items, [
    { actor: { type: 'token' }, metadata: { sha256 } },
    { metadata: { range: 'bytes=10-109' } },
    { metadata: { sha256 } },
  ])
  t.equal(body.items.length, 3, 'one entry for each time that content went out')
})

t.test('there is no content of what is not completed', async (t) => {
  const service = await snapshotService(t)
  const { call } = service
  const { id } = await take(service, { dataset: 'chat', scope: { month: '2026-10' } })
  await service.app.orm.em.fork().execute(`UPDATE snapshots SET status = 'generating' WHERE id = ?`, [id])
  t.match(await call('GET', `/snapshots/${id}/content`), {
    status: 409,
    body: { code: 'SNAPSHOT_NOT_COMPLETED' },
  })
  t.match(await call('GET', '/snapshots/0198c0de-0000-7000-8000-000000000000/content'), {
    status: 404,
    body: { code: 'SNAPSHOT_NOT_FOUND' },
  })
  t.match(await call('GET', '/snapshots/..%2f..%2fetc/content'), { status: 400 })
})

t.test('content that was altered in the store never gets out as good', async (t) => {
  const service = await snapshotService(t)
  const { id, key } = await take(service, { dataset: 'chat', scope: { month: '2026-10' } })
  await damage(service.app.stores.main, key)
  t.match(await service.call('GET', `/snapshots/${id}/content`), {
    status: 409,
    body: { code: 'SNAPSHOT_CORRUPT' },
  })
})
