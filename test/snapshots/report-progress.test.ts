import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { progressReporter } from '../../src/snapshots/report-progress.ts'
import { snapshotService, take } from './service.ts'

t.test('progress is written at most twice a second, and only for the attempt that counts', async (t) => {
  const service = await snapshotService(t)
  const { app, call } = service
  const { id, key } = await take(service, { dataset: 'chat', scope: { month: '2026-10' } })
  await app.orm.em
    .fork()
    .execute(`UPDATE snapshots SET status = 'generating', attempts = 2 WHERE id = ?`, [id])
  const written: unknown[] = []
  const stop = app.signals.subscribe(`snapshot:${id}`, () => written.push(1))

  const current = progressReporter(app, { snapshotId: id, number: 2, key })
  const end = performance.now() + 1200
  for (let records = 1; performance.now() < end; records++) {
    current.report({ records, bytes: records * 10 })
    await turn()
  }
  await current.settled()
  const { progress } = (await call('GET', `/snapshots/${id}`)).body as unknown as {
    progress: { records: number; bytes: number }
  }
  t.ok(progress.records > 0)
  t.equal(progress.bytes, progress.records * 10)
  t.ok(written.length <= 2, `${written.length} signals in 1.2 s`)
  stop()

  const old = progressReporter(app, { snapshotId: id, number: 1, key })
  const later = performance.now() + 600
  while (performance.now() < later) {
    old.report({ records: 999_999_999, bytes: 0 })
    await turn()
  }
  await old.settled()
  t.match((await call('GET', `/snapshots/${id}`)).body, { progress })
})
