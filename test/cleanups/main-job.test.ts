import t, { type Test } from 'tap'
import { sql } from '../support/postgres.ts'
import { mainJob } from '../restores/main-job.ts'
import { cleanupJob } from './cleanup-job.ts'

/** Rows of both tables, as text. */
const conversations = `SELECT (SELECT json_agg(c::text ORDER BY id) FROM conversations.conversations c) AS c,
  (SELECT json_agg(t::text ORDER BY conversation_id, sequence) FROM conversations.turns t) AS t`

t.test('selected conversations are deleted with a backup first, and brought back', async (t: Test) => {
  const job = await cleanupJob(t, await mainJob(t))
  const before = await sql(job.source, conversations)
  const keys = await job.keys('conversations.conversations', 'id', 5)
  const wanted = { dataset: 'conversations', scope: { keys }, target: 'records' }
  const preview = await job.post('/api/cleanups', wanted, 200)
  t.match(preview, { preview: true, plan: { records: 5, kept: 0, left: [] }, warning: /No snapshot/ })
  t.same(await sql(job.source, conversations), before, 'a preview changes nothing')

  await job.post('/api/cleanups', { ...wanted, confirmDelete: true }, 422, 'PLAN_REQUIRED')
  const done = await job.confirm(wanted, preview.planHash)
  t.match(done, { status: 'completed', counts: { removed: 5, left: 0, remaining: 0 } })
  t.same(
    done.counts.tables,
    Object.fromEntries(Object.entries(preview.plan.tables).map(([k, v]) => [k, v.remove])),
  )
  const gone = await sql(
    job.source,
    'SELECT count(*)::int AS n FROM conversations.conversations WHERE id = ANY ($1)',
    [keys],
  )
  t.same(gone, [{ n: 0 }])

  const snapshot = await job.get(`/api/snapshots/${done.snapshotId}`, 200)
  t.match(snapshot, {
    status: 'completed',
    trigger: 'pre_cleanup',
    cleanupId: done.id,
    counts: done.counts.tables,
  })
  t.ok(snapshot['expiresAt'], 'kept for the time of undo')

  const undo = await job.post(`/api/cleanups/${done.id}/undo`, undefined, 201)
  const plan = await job.settled(undo.id)
  t.match(plan, { plan: { create: 5, update: 0, delete: 0 } })
  await job.post(`/api/restores/${undo.id}/application`, { planHash: plan.planHash }, 201)
  const after = await sql(job.source, conversations)
  t.same(after[0]!.c, before[0]!.c)
  t.equal((await job.get('/api/audit/verification', 200)).ok, true)
})

t.test('what moved since the preview is refused', async (t: Test) => {
  const job = await cleanupJob(t, await mainJob(t))
  const keys = await job.keys('conversations.conversations', 'id', 3)
  const wanted = { dataset: 'conversations', scope: { keys }, target: 'records' }
  const { planHash } = await job.post('/api/cleanups', wanted, 200)
  await sql(
    job.source,
    `UPDATE conversations.turns SET content = content || '!' WHERE conversation_id = $1`,
    [keys[0]],
  )
  await job.post('/api/cleanups', { ...wanted, confirmDelete: true, planHash }, 409, 'PLAN_DRIFTED')
  const again = await job.post('/api/cleanups', wanted, 200)
  t.not(again.planHash, planHash)
  await job.post('/api/holds', { dataset: 'conversations', key: keys[1], reason: 'asked for' }, 201)
  await job.post(
    '/api/cleanups',
    { ...wanted, confirmDelete: true, planHash: again.planHash },
    409,
    'PLAN_DRIFTED',
  )
  const held = await job.post('/api/cleanups', wanted, 200)
  t.match(held, { plan: { records: 2, kept: 1, left: [{ key: keys[1], code: 'HELD' }] } })
  t.match(await job.confirm(wanted, held.planHash), { status: 'completed', counts: { removed: 2 } })
  const left = await sql(job.source, 'SELECT id FROM conversations.conversations WHERE id = ANY ($1)', [keys])
  t.same(left, [{ id: keys[1] }])
})
