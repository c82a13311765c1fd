import fc from 'fast-check'
import t, { type Test } from 'tap'
import { systemActor } from '../../src/audit/actor.ts'
import { pendingCleanups, planCleanup, type CleanupToPlan } from '../../src/cleanups/plan-cleanup.ts'
import { runDueCleanups } from '../../src/cleanups/run-due-cleanups.ts'
import { movableClock } from '../support/people.ts'
import { sql } from '../support/postgres.ts'
import { caller, snapshotService, type Service } from '../snapshots/service.ts'

const cause = { actor: systemActor }
const day = 86_400_000

async function service(t: Test) {
  const clock = movableClock()
  const job = await snapshotService(t, { clock, environment: { NOTIFY_EMAIL: 'ops@example.com' } })
  await sql(
    job.source,
    `CREATE TABLE chat.marks (session_id bigint REFERENCES chat.sessions ON DELETE CASCADE)`,
  )
  await job.app.datasets.reload()
  return { ...job, clock, call: caller(job.app) }
}

type Job = Service & { clock: { at: number } }

/** The oldest sessions, as ids. */
async function oldest({ source }: Service, count: number): Promise<string[]> {
  const rows = await sql(source, `SELECT id::text AS id FROM chat.sessions ORDER BY id LIMIT ${count}`)
  return rows.map(({ id }) => id as string)
}

async function plan(job: Job, keys: string[], more: Partial<CleanupToPlan> = {}) {
  const planned = await planCleanup(
    job.app,
    {
      ...{ dataset: job.app.datasets.get('chat'), scope: { keys }, target: 'records', origin: 'retention' },
      ...{
        dueAt: new Date(job.clock.at + 7 * day),
        noticeRequired: false,
        limit: { records: null, percent: null },
      },
      ...more,
    },
    cause,
  )
  return planned!
}

async function look(job: Job, id: string) {
  await job.call('GET', `/cleanups/${id}/events`)
  return (await job.call('GET', `/cleanups/${id}`)).body
}

/** Says that the notice of a cleanup was delivered, as the sender would. */
async function deliver({ app }: Service, id: string): Promise<void> {
  await app.orm.em.fork().execute(
    `INSERT INTO notices (id, event, dataset, about_type, about_id, key, channel, lane, facts, status, attempts, next_attempt_at, give_up_at, maybe_repeated, created_at, delivered_at)
     VALUES (gen_random_uuid(), 'cleanup_planned', 'chat', 'cleanup', ?, 'test', 'webhook', 'x', '{}', 'delivered', 1, now(), now(), false, now(), now())`,
    [id],
  )
}

const there = async ({ source }: Service, keys: string[]) =>
  (await sql(source, 'SELECT id FROM chat.sessions WHERE id = ANY ($1)', [keys])).length

t.test('due cleanups run when their conditions hold at that moment, and else say why', async (t: Test) => {
  const job = await service(t)
  const keys = await oldest(job, 10)
  const cleanup = await plan(job, keys, { noticeRequired: true })
  t.equal(
    await planCleanup(job.app, { ...base(job, keys), limit: { records: null, percent: null } }, cause),
    null,
    'planned once',
  )
  t.equal((await pendingCleanups(job.app.orm.em, 'chat', 'records')).length, 1)
  t.same(await runDueCleanups(job.app, { cause }), { started: 0, waiting: 0, blocked: 0 }, 'in grace')
  const pending = (await job.call('GET', '/cleanups?pending=true')).body.items[0]!
  t.match(pending, { status: 'pending', isCleanupDue: false, daysUntilCleanup: 7, noticeSentAt: null })
  const early = await job.call('POST', `/cleanups/${cleanup.id}/application`, { planHash: cleanup.planHash })
  t.match(early.body, { code: 'CLEANUP_IN_GRACE' }, 'whoever asks')
  const sooner = { dueAt: new Date(job.clock.at + day).toISOString() }
  t.match((await job.call('PATCH', `/cleanups/${cleanup.id}`, sooner)).body, {
    code: 'CLEANUP_OPTIONS_INVALID',
  })

  job.clock.at += 7 * day
  t.same(await runDueCleanups(job.app, { cause }), { started: 0, waiting: 0, blocked: 1 })
  t.match((await job.call('GET', `/cleanups/${cleanup.id}`)).body, {
    isCleanupDue: true,
    daysUntilCleanup: 0,
    blockedReason: /^(Its notice|Nobody)/,
  })
  await deliver(job, cleanup.id)
  await job.call('PATCH', `/cleanups/${cleanup.id}`, { hold: true })
  t.same(await runDueCleanups(job.app, { cause }), { started: 0, waiting: 1, blocked: 0 })
  t.equal(await there(job, keys), 10)
  await job.call('PATCH', `/cleanups/${cleanup.id}`, { hold: false })
  await job.call('POST', '/holds', { dataset: 'chat', key: keys[0], reason: 'asked for' })
  await sql(job.source, 'INSERT INTO chat.marks VALUES ($1)', [keys[1]])
  await sql(job.source, 'DELETE FROM chat.sessions WHERE id = $1', [keys[2]])
  t.same(await runDueCleanups(job.app, { cause }), { started: 1, waiting: 0, blocked: 0 })
  const done = await look(job, cleanup.id)
  t.match(done, {
    status: 'completed',
    counts: { removed: 7, left: 3, leftCounts: { HELD: 1, REFERENCED: 1, GONE: 1 } },
  })
  t.equal(await there(job, keys), 2)
})

function base(job: Job, keys: string[]): CleanupToPlan {
  return {
    ...{ dataset: job.app.datasets.get('chat'), scope: { keys }, target: 'records', origin: 'retention' },
    ...{
      dueAt: new Date(job.clock.at + 7 * day),
      noticeRequired: false,
      limit: { records: null, percent: null },
    },
  }
}

t.test('over its limit it waits until somebody confirms; cancelled it never runs', async (t: Test) => {
  const job = await service(t)
  const keys = await oldest(job, 6)
  const over = await plan(job, keys.slice(0, 3), { limit: { records: 2, percent: null } })
  const share = await plan(job, keys.slice(3, 5), { limit: { records: null, percent: 0.001 } })
  const withdrawn = await plan(job, keys.slice(5), {})
  t.match(over, { status: 'awaiting_confirmation', plan: { over: /the limit is 2/ } })
  t.equal(share.status, 'awaiting_confirmation')
  t.equal((await job.call('DELETE', `/cleanups/${withdrawn.id}`)).status, 204)
  job.clock.at += 8 * day
  t.same(await runDueCleanups(job.app, { cause }), { started: 0, waiting: 2, blocked: 0 })
  t.equal((await job.call('POST', `/cleanups/${over.id}/application`, {})).body.code, 'PLAN_REQUIRED')
  t.equal(
    (await job.call('POST', `/cleanups/${over.id}/application`, { planHash: 'x' })).body.code,
    'PLAN_DRIFTED',
  )
  await job.call(
    'POST',
    `/cleanups/${over.id}/application`,
    { planHash: over.planHash },
    { prefer: 'wait=30' },
  )
  t.match(await look(job, over.id), { status: 'completed', counts: { removed: 3 } })
  t.equal(await there(job, keys), 3)
  t.equal((await job.call('DELETE', `/cleanups/${over.id}`)).body.code, 'CLEANUP_NOT_PENDING')
})

t.test('nothing is removed that was not in the plan, nor without a copy', async (t: Test) => {
  const job = await service(t)
  const [last] = await sql(job.source, `SELECT max(created_at) AS at FROM chat.sessions`)
  const to = (last!.at as Date).toISOString()
  const [{ n: all }] = (await sql(
    job.source,
    'SELECT count(*)::int AS n FROM chat.sessions WHERE created_at < $1',
    [to],
  )) as [{ n: number }]
  const cleanup = await plan(job, [], { scope: { to } })
  await sql(
    job.source,
    `INSERT INTO chat.sessions (subject, channel, language, created_at) VALUES ('late', 'web', 'en', '2020-01-01')`,
  )
  job.clock.at += 8 * day
  const { put } = job.app.stores.main
  job.app.stores.main.put = async () => {
    throw new Error('the disk is full')
  }
  await runDueCleanups(job.app, { cause })
  t.match(await look(job, cleanup.id), { status: 'failed', error: { code: 'BACKUP_FAILED' } })
  t.same(await sql(job.source, 'SELECT count(*)::int AS n FROM chat.sessions WHERE created_at < $1', [to]), [
    { n: all + 1 },
  ])
  job.app.stores.main.put = put
  const again = await plan(job, [], { scope: { to: '2020-06-01' } })
  await sql(
    job.source,
    `INSERT INTO chat.sessions (subject, channel, language, created_at) VALUES ('later', 'web', 'en', '2020-01-02')`,
  )
  await sql(job.source, `UPDATE chat.sessions SET rating = 5 WHERE subject = 'late'`)
  job.clock.at += 8 * day
  await runDueCleanups(job.app, { cause })
  t.match(await look(job, again.id), { status: 'completed', counts: { removed: 1, left: 0 } })
  t.same(await sql(job.source, `SELECT subject FROM chat.sessions WHERE created_at < '2020-06-01'`), [
    { subject: 'later' },
  ])
})

t.test('random holds, marks, protections and clocks: only what may go goes', async (t: Test) => {
  const job = await service(t)
  const ids = await oldest(job, 60)
  const step = fc.record({
    size: fc.integer({ min: 1, max: 4 }),
    held: fc.boolean(),
    marked: fc.boolean(),
    notice: fc.boolean(),
    delivered: fc.boolean(),
    hold: fc.boolean(),
    days: fc.integer({ min: 0, max: 12 }),
  })
  let at = 0
  let wrong = 0
  for (const { size, held, marked, notice, delivered, hold, days } of fc.sample(step, {
    numRuns: 12,
    seed: 5,
  })) {
    const keys = ids.slice(at, (at += size))
    const cleanup = await plan(job, keys, { noticeRequired: notice })
    if (held) await job.call('POST', '/holds', { dataset: 'chat', key: keys[0], reason: 'why not' })
    if (marked) await sql(job.source, 'INSERT INTO chat.marks VALUES ($1)', [keys.at(-1)])
    if (delivered) await deliver(job, cleanup.id)
    if (hold) await job.call('PATCH', `/cleanups/${cleanup.id}`, { hold: true })
    job.clock.at += days * day
    await runDueCleanups(job.app, { cause })
    const runs = days >= 7 && !hold && (!notice || delivered)
    if (runs) await look(job, cleanup.id)
    const stay = runs
      ? new Set([held ? keys[0] : null, marked ? keys.at(-1) : null].filter(Boolean)).size
      : size
    if ((await there(job, keys)) !== stay) wrong++
    await job.call('DELETE', `/cleanups/${cleanup.id}`)
  }
  t.equal(wrong, 0)
})
