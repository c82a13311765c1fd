import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { snapshotService } from '../snapshots/service.ts'
import { sql } from '../support/postgres.ts'

async function legacy(t: Test) {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-files-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const job = await snapshotService(t, { environment: { HOLDFAST_STORE_DOCUMENTS_URL: `file:${folder}` } })
  const rows = await sql(
    job.source,
    `SELECT session_id::text AS session, storage_key AS key FROM legacy_import.documents
     WHERE session_id IN (SELECT session_id FROM legacy_import.documents GROUP BY 1 HAVING count(*) > 4 ORDER BY 1 LIMIT 2) ORDER BY storage_key`,
  )
  for (const { key } of rows) {
    await mkdir(dirname(join(folder, key as string)), { recursive: true })
    await writeFile(join(folder, key as string), 'content')
  }
  const [first] = [...new Set(rows.map(({ session }) => session as string))].sort()
  const mine = rows.filter(({ session }) => session === first).map(({ key }) => key as string)
  return { ...job, files: folder, session: first!, mine, all: rows.length }
}

t.test('files go by batch; what another record names stays, what is gone is fine', async (t: Test) => {
  const job = await legacy(t)
  const { mine, session } = job
  await sql(job.source, 'ALTER TABLE legacy_import.documents DROP CONSTRAINT documents_storage_key_key')
  const store = job.app.stores.get('documents')
  await rm(join(job.files, mine[0]!))
  await sql(
    job.source,
    `UPDATE legacy_import.documents SET storage_key = $1 WHERE id = (SELECT id FROM legacy_import.documents WHERE session_id <> $2::uuid LIMIT 1)`.replace(
      '::uuid',
      '',
    ),
    [mine[1], session],
  )
  const wanted = { dataset: 'legacy-import', scope: { keys: [session] }, target: 'files' }
  const { body: preview } = await job.call('POST', '/cleanups', wanted)
  t.match(preview, {
    preview: true,
    plan: {
      store: 'documents',
      objects: mine.length - 2,
      bytes: (mine.length - 2) * 7,
      missing: 1,
      kept: 1,
      left: [{ key: mine[1], code: 'REFERENCED' }],
    },
    message: /no undo/,
  })
  const confirmed = { ...wanted, confirmDelete: true, planHash: preview['planHash'] }
  const refused = await job.call('POST', '/cleanups', confirmed)
  t.equal(refused.body.code, 'SNAPSHOT_REQUIRED', 'files are behind the gate')
  await job.call(
    'POST',
    '/snapshots',
    { dataset: 'legacy-import', scope: wanted.scope },
    { prefer: 'wait=60' },
  )
  const done = await job.call('POST', '/cleanups', confirmed, { prefer: 'wait=60' })
  t.match(done.body, {
    status: 'completed',
    counts: { removed: mine.length - 2, left: 1, leftCounts: { GONE: 1 } },
  })
  t.not(await store.head(mine[1]!), null)
  const found = await Promise.all(mine.slice(2).map((key) => store.head(key)))
  t.ok(found.every((object) => object === null))
  const undo = await job.call('POST', `/cleanups/${done.body.id}/undo`)
  t.equal(undo.body.code, 'CLEANUP_NOT_UNDOABLE')
})

t.test('a store that cannot be reached pauses the batch, and it goes on afterwards', async (t: Test) => {
  const job = await legacy(t)
  const wanted = { dataset: 'legacy-import', scope: { keys: [job.session] }, target: 'files' }
  await job.call(
    'POST',
    '/snapshots',
    { dataset: 'legacy-import', scope: wanted.scope },
    { prefer: 'wait=60' },
  )
  const { body: preview } = await job.call('POST', '/cleanups', wanted)
  const dueAt = new Date(Date.now() + 86_400_000).toISOString()
  const planned = await job.call('POST', '/cleanups', {
    ...wanted,
    confirmDelete: true,
    planHash: preview['planHash'],
    dueAt,
  })
  t.match(planned.body, { status: 'pending', daysUntilCleanup: 1 })
  await rename(job.files, `${job.files}.away`)
  t.teardown(() => rm(`${job.files}.away`, { recursive: true, force: true }))
  const started = await job.call('POST', `/cleanups/${planned.body.id}/application`, {
    planHash: preview['planHash'],
  })
  t.equal(started.body.status, 'removing')
  const batch = `/batches/${String(started.body['batchId'])}`
  const paused = async () => (await job.call('GET', batch)).body.status === 'paused'
  await job.app.signals.waitFor(
    `batch:${String(started.body['batchId'])}`,
    async () => ((await paused()) ? true : null),
    15_000,
  )
  t.ok(await paused())
  await rename(`${job.files}.away`, job.files)
  await job.call('POST', `${batch}/resumption`, {})
  await job.call('GET', `/cleanups/${planned.body.id}/events`)
  t.match((await job.call('GET', `/cleanups/${planned.body.id}`)).body, {
    status: 'completed',
    counts: { removed: job.mine.length, left: 0 },
  })
})
