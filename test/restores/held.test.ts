import t, { type Test } from 'tap'
import { sql } from '../support/postgres.ts'
import { mainJob } from './main-job.ts'

t.test('a restore does not delete what is held', async (t: Test) => {
  const job = await mainJob(t)
  const snapshot = await job.post('/api/snapshots', { dataset: 'conversations' }, 201)
  const added = await sql(
    job.source,
    `INSERT INTO conversations.conversations SELECT (jsonb_populate_record(c, jsonb_build_object(
         'id', gen_random_uuid(), 'batch_item', gen_random_uuid()))).*
       FROM conversations.conversations c LIMIT 2 RETURNING id::text AS id`,
  )
  const [held, other] = added.map(({ id }) => id as string)
  await job.post('/api/holds', { dataset: 'conversations', key: held!, reason: 'asked for' }, 201)
  const plan = await job.post('/api/restores', { snapshotId: snapshot.id }, 201)
  t.match(plan, { plan: { delete: 1, skip: 1 }, warnings: [{ code: 'HELD_KEPT', key: held }] })
  await job.post(`/api/restores/${plan.id}/application`, { planHash: plan.planHash }, 201)
  const left = await sql(job.source, 'SELECT id FROM conversations.conversations WHERE id = ANY ($1)', [
    [held, other],
  ])
  t.same(left, [{ id: held }])
})
