import pg from 'pg'
import t, { type Test } from 'tap'
import { runApplication } from '../../src/restores/apply-restore.ts'
import { sql } from '../support/postgres.ts'
import { mainJob, type MainJob } from './main-job.ts'

/** A restore whose first run recorded its transaction on the source and then was heard of no more. */
async function interrupted(
  job: MainJob,
  transaction: string | null,
  backend: number | null,
): Promise<string> {
  const snapshot = await job.post('/api/snapshots', { dataset: 'video-library' }, 201)
  await sql(job.source, `UPDATE video_library.categories SET description = 'damaged'`)
  const { id } = await job.post('/api/restores', { snapshotId: snapshot.id }, 201)
  await job.app.orm.em
    .fork()
    .execute(
      `UPDATE restores SET status = 'applying', attempts = 1, source_transaction = ?, source_backend = ? WHERE id = ?`,
      [transaction, backend, id],
    )
  return id
}

async function settled(job: MainJob, id: string) {
  await runApplication(job.app, id, { signal: new AbortController().signal, attempt: 1 })
  return job.get(`/api/restores/${id}`, 200)
}

/** A transaction on the source, by a session of its own. */
async function transaction(t: Test, job: MainJob) {
  const client = new pg.Client({ connectionString: job.source })
  client.on('error', () => undefined)
  await client.connect()
  t.teardown(() => client.end().catch(() => undefined))
  await client.query('BEGIN')
  const { rows } = await client.query(
    'SELECT pg_current_xact_id()::text AS number, pg_backend_pid() AS backend',
  )
  return { client, ...(rows[0] as { number: string; backend: number }) }
}

t.test('its transaction was committed: the restore has happened', async (t) => {
  const job = await mainJob(t)
  const { client, number, backend } = await transaction(t, job)
  await client.query('COMMIT')
  const restore = await settled(job, await interrupted(job, number, backend))
  t.match(restore, { status: 'completed', error: null, counts: restore.plan })
})

t.test('its transaction was rolled back, or never came to that: nothing was changed', async (t) => {
  const job = await mainJob(t)
  const { client, number, backend } = await transaction(t, job)
  await client.query('ROLLBACK')
  for (const recorded of [number, null]) {
    const restore = await settled(job, await interrupted(job, recorded, backend))
    t.match(restore, { status: 'failed', error: { code: 'RESTORE_INTERRUPTED' } })
  }
})

t.test('its session still holds the transaction open: it is ended, and nothing was changed', async (t) => {
  const job = await mainJob(t)
  const { number, backend } = await transaction(t, job)
  const restore = await settled(job, await interrupted(job, number, backend))
  t.match(restore, { status: 'failed', error: { code: 'RESTORE_INTERRUPTED' } })
  t.same(await sql(job.source, `SELECT 1 FROM pg_stat_activity WHERE pid = ${backend}`), [])
})

t.test('the source has never heard of the transaction: it says that it cannot tell', async (t) => {
  const job = await mainJob(t)
  const restore = await settled(job, await interrupted(job, '4611686018427387904', 1))
  t.match(restore, { status: 'failed', error: { code: 'RESTORE_OUTCOME_UNKNOWN' } })
})

t.test('cancelled: a planned restore is over, and a run that is under way commits nothing', async (t) => {
  const job = await mainJob(t)
  const snapshot = await job.post('/api/snapshots', { dataset: 'video-library' }, 201)
  await sql(job.source, `UPDATE video_library.categories SET description = 'damaged'`)
  const planned = await job.post('/api/restores', { snapshotId: snapshot.id }, 201)
  for (let i = 0; i < 2; i++)
    t.match(await job.post(`/api/restores/${planned.id}/cancellation`, undefined, 200), {
      status: 'cancelled',
    })
  await job.post(
    `/api/restores/${planned.id}/application`,
    { planHash: planned.planHash },
    409,
    'RESTORE_NOT_PLANNED',
  )

  const second = await job.post('/api/restores', { snapshotId: snapshot.id }, 201)
  const blocker = await transaction(t, job)
  await blocker.client.query('SELECT FROM video_library.categories FOR UPDATE')
  const application = job.call(
    'POST',
    `/restores/${second.id}/application`,
    { planHash: second.planHash },
    { prefer: 'wait=60' },
  )
  await job.app.signals.waitFor(`restore:${second.id}`, () => capturing(job, second.id), 30_000)
  t.match(await job.post(`/api/restores/${second.id}/cancellation`, undefined, 200), { status: 'cancelled' })
  await blocker.client.query('COMMIT')
  t.match((await application).body, { status: 'cancelled' })
  const rows = await sql(job.source, `SELECT DISTINCT description FROM video_library.categories`)
  t.same(rows, [{ description: 'damaged' }])
})

/** True once the run waits for its rows. */
async function capturing(job: MainJob, id: string): Promise<true | null> {
  const { progress } = await job.get(`/api/restores/${id}`, 200)
  return progress?.phase === 'capturing' ? true : null
}
