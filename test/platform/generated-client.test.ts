import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { snapshotService, token } from '../snapshots/service.ts'
import { loadClient } from '../support/generated-client.ts'
import { sql } from '../support/postgres.ts'

interface MainJob {
  openMainJob(
    baseUrl: string,
    token: string,
  ): {
    snapshot(dataset: string): Promise<{ id: string; status: string; sha256: string }>
    content(id: string): Promise<ArrayBuffer>
    changed(id: string): Promise<number>
    restore(snapshotId: string): Promise<{ id: string; status: string }>
    undo(id: string): Promise<{ id: string; status: string }>
  }
}

t.test('a client that is generated from the document does the main job', async (t) => {
  const { app, source } = await snapshotService(t)
  const { openMainJob } = await loadClient<MainJob>(t, app, 'main-job.ts')
  await app.listen({ port: 0 })
  const { port } = app.server.address() as AddressInfo
  const job = openMainJob(`http://127.0.0.1:${port}`, token)
  const library = async () =>
    JSON.stringify(await sql(source, 'SELECT name, is_protected FROM video_library.categories ORDER BY name'))

  const taken = await job.snapshot('video-library')
  t.equal(taken.status, 'completed')
  t.equal(
    createHash('sha256')
      .update(new Uint8Array(await job.content(taken.id)))
      .digest('hex'),
    taken.sha256,
  )
  t.equal(await job.changed(taken.id), 0)

  const before = await library()
  await sql(source, 'DELETE FROM video_library.categories WHERE NOT is_protected')
  const damaged = await library()
  t.not(damaged, before)
  t.ok((await job.changed(taken.id)) > 0)

  const restored = await job.restore(taken.id)
  t.equal(restored.status, 'completed')
  t.equal(await library(), before)

  t.equal((await job.undo(restored.id)).status, 'completed')
  t.equal(await library(), damaged)

  const program = await readFile(new URL('../clients/ten-lines.ts', import.meta.url), 'utf8')
  const cookbook = await readFile(new URL('../../docs/api-cookbook.md', import.meta.url), 'utf8')
  t.ok(cookbook.includes('```ts\n' + program + '```'), 'the cookbook shows the client of ten lines as it is')
  const { snapshotAndCompare } = await loadClient<TenLines>(t, app, 'ten-lines.ts')
  const seen = await snapshotAndCompare(`http://127.0.0.1:${port}`, token)
  t.match(seen, { status: 'completed', sha256: /^[0-9a-f]{64}$/ })
  t.ok(seen.changes.every((table) => table.create + table.update + table.delete === 0))
})

interface TenLines {
  snapshotAndCompare(
    baseUrl: string,
    token: string,
  ): Promise<{
    status: string
    sha256: string
    changes: { create: number; update: number; delete: number }[]
  }>
}
