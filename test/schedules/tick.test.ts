import t from 'tap'
import { carryOutRun } from '../../src/schedules/carry-out-run.ts'
import { scheduleProblems } from '../../src/schedules/errors.ts'
import { ScheduleRun, unbegun } from '../../src/schedules/schedule-run.ts'
import type { Occurrence } from '../../src/schedules/schedules.ts'
import { tick } from '../../src/schedules/tick.ts'
import { sql } from '../support/postgres.ts'
import { finished, history, scheduleService } from './service.ts'

const { app, clock, declare, goTo, replica, call } = await scheduleService(t)

t.test('what comes due is run once, also by two replicas at the same time', async (t) => {
  const seen: Occurrence[] = []
  const run = async (occurrence: Occurrence) => {
    seen.push(occurrence)
    return { counts: { records: 3 }, note: 'Done well.' }
  }
  await declare({ run })
  const other = await replica()
  t.same(await history(app), [], 'nothing is due before it was first seen')
  clock.at = Date.parse('2026-11-21T02:00:00Z')
  await Promise.all([tick(app), tick(other), tick(app), tick(other)])
  await finished(app)
  t.same(await history(app), ['2026-11-21T02:00 completed'])
  t.match(seen, [{ schedule: 'test.daily', trigger: 'scheduled', attempt: 1 }])
  const { body } = await call('GET', '/test.daily/runs')
  t.match(body.items, [{ counts: { records: 3 }, note: 'Done well.', error: null, attempts: 1 }])
  t.type(body.items[0].durationMs, 'number')
  const entries = await sql(
    app.config.databaseUrl!,
    `SELECT action, outcome FROM audit_entries WHERE entity_type = 'schedule_run' AND $1 = ANY (entity_ids) ORDER BY seq`,
    [body.items[0].id],
  )
  t.same(
    entries.map(({ action }) => action),
    ['schedule_run.queued', 'schedule_run.started', 'schedule_run.completed'],
  )
})

t.test('after a downtime only the last one missed is run, late, and within its time', async (t) => {
  const dues: string[] = []
  const run = async ({ dueAt }: Occurrence) => (dues.push(dueAt.toISOString()), {})
  await declare({ run }, { name: 'test.short', run, lateWithinMs: 3_600_000 })
  await goTo('2026-11-24T09:00:00Z')
  t.same(await history(app), [
    '2026-11-21T02:00 missed',
    '2026-11-22T02:00 missed',
    '2026-11-23T02:00 missed',
    '2026-11-24T02:00 completed',
  ])
  t.equal((await history(app, 'test.short')).at(-1), '2026-11-24T02:00 missed', 'seven hours are too late')
  t.same(dues, ['2026-11-24T02:00:00.000Z'])
  await goTo('2026-11-24T09:01:00Z')
  t.equal((await history(app)).length, 4, 'and that is all')
  const [entry] = await sql(
    app.config.databaseUrl!,
    `SELECT metadata FROM audit_entries WHERE action = 'schedule.missed' AND 'test.daily' = ANY (entity_ids)`,
  )
  t.match(JSON.parse(String(entry!['metadata'])), { occurrences: 3 })
})

t.test('a history of years is not made up for', async (t) => {
  await declare({ cron: '0 */6 * * *' })
  await goTo('2031-11-20T10:00:00Z')
  const runs = await history(app)
  t.equal(runs.length, 1001, 'the latest thousand that were missed, and the one that is run late')
  t.same(runs.slice(-2), ['2031-11-20T00:00 missed', '2031-11-20T06:00 completed'])
})

t.test('no schedule overlaps with itself', async (t) => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const run = async () => (await promise, {})
  await declare({ run })
  t.equal((await call('POST', '/test.daily/runs')).status, 202)
  const second = await call('POST', '/test.daily/runs')
  t.equal(second.status, 409)
  t.match(second.body, { code: 'SCHEDULE_RUNNING', detail: /2026-11-20T10:00/ })
  clock.at = Date.parse('2026-11-21T02:00:00Z')
  await tick(app)
  t.match(await history(app), [/(queued|running)$/, '2026-11-21T02:00 skipped'])
  resolve()
  await finished(app)
  await goTo('2026-11-22T02:00:00Z')
  t.same(await history(app), [
    '2026-11-20T10:00 completed',
    '2026-11-21T02:00 skipped',
    '2026-11-22T02:00 completed',
  ])
  const { body } = await call('GET', '/test.daily/runs?status=skipped')
  t.match(body.items[0].note, /run of 2026-11-20T10:00:00.000Z was still under way/)
  await t.rejects(
    sql(app.config.databaseUrl!, `UPDATE schedule_runs SET status = 'running', finished_at = NULL`),
    /schedule_runs_unfinished/,
    'the database itself lets no two run',
  )
})

t.test('while it is paused nothing is due, and nothing is made up for', async (t) => {
  await declare({})
  const paused = await call('PATCH', '/test.daily', { paused: true })
  t.match(paused, { status: 200, body: { paused: true, nextRuns: [] } })
  await call('PATCH', '/test.daily', { paused: true })
  await goTo('2026-11-22T10:00:00Z')
  t.equal((await call('POST', '/test.daily/runs', undefined, { prefer: 'wait=30' })).status, 201, 'by hand')
  const resumed = await call('PATCH', '/test.daily', { paused: false })
  t.match(resumed.body.nextRuns[0], '2026-11-23T02:00')
  await goTo('2026-11-23T03:00:00Z')
  t.same(await history(app), ['2026-11-22T10:00 completed', '2026-11-23T02:00 completed'])
  const entries = await sql(
    app.config.databaseUrl!,
    `SELECT action FROM audit_entries WHERE action IN ('schedule.paused', 'schedule.resumed') ORDER BY seq`,
  )
  t.equal(entries.length, 2, 'what changes nothing is not recorded')
})

t.test('another rule, or switching on, counts from the moment it is seen', async (t) => {
  const [declared] = await declare({ enabled: false })
  t.match(await call('POST', '/test.daily/runs'), { status: 409, body: { code: 'SCHEDULE_DISABLED' } })
  await goTo('2026-11-22T10:00:00Z')
  declared!.enabled = true
  await goTo('2026-11-22T11:00:00Z')
  await goTo('2026-11-23T03:00:00Z')
  declared!.cron = '0 */2 * * *'
  await goTo('2026-11-23T09:00:00Z')
  await goTo('2026-11-23T10:00:00Z')
  t.same(await history(app), ['2026-11-23T02:00 completed', '2026-11-23T10:00 completed'])
})

t.test('a run fails with what went wrong', async (t) => {
  const problem = scheduleProblems.RUN_INTERRUPTED('For the test.')
  const fail = (error: Error) => async () => {
    throw error
  }
  await declare(
    { name: 'test.problem', run: fail(problem) },
    { name: 'test.bug', run: fail(new Error('secret')) },
  )
  await goTo('2026-11-21T02:00:00Z')
  t.match((await call('GET', '/test.problem')).body.lastRun, {
    status: 'failed',
    error: { code: 'RUN_INTERRUPTED', detail: 'For the test.' },
  })
  const { lastRun } = (await call('GET', '/test.bug')).body
  t.equal(lastRun.error.code, 'INTERNAL')
  t.notMatch(lastRun.error.detail, /secret/)
  t.same(await history(app, 'test.bug'), ['2026-11-21T02:00 failed'])
})

t.test('a run whose process died is taken up again, and given up after the fifth time', async (t) => {
  let attempts = 0
  const { promise, resolve } = Promise.withResolvers<void>()
  const run = async ({ attempt }: Occurrence) => {
    attempts = attempt
    if (attempt === 1) await promise
    return { note: `attempt ${attempt}` }
  }
  await declare({ run })
  const { body } = await call('POST', '/test.daily/runs')
  const begun = async () => (attempts === 1 ? true : null)
  await app.signals.waitFor(`schedule-run:${body.id}`, begun, 10_000)
  const job = { signal: new AbortController().signal, attempt: 1 }
  await carryOutRun(app, body.id, job)
  t.match((await call('GET', '/test.daily')).body.lastRun, {
    status: 'completed',
    attempts: 2,
    note: 'attempt 2',
  })
  resolve()
  await carryOutRun(app, body.id, job)
  t.match(
    (await call('GET', '/test.daily')).body.lastRun,
    { note: 'attempt 2' },
    'the late one changes nothing',
  )

  const second = await call('POST', '/test.daily/runs', undefined, { prefer: 'wait=30' })
  const em = app.orm.em.fork()
  await em.nativeUpdate(
    ScheduleRun,
    { id: second.body.id },
    { status: 'running', finishedAt: null, attempts: 5 },
  )
  await carryOutRun(app, second.body.id, job)
  t.match((await call('GET', '/test.daily/runs?status=failed')).body.items, [
    { error: { code: 'RUN_INTERRUPTED' } },
  ])
})

t.test('stopping the service puts its run back', async (t) => {
  const begun = Promise.withResolvers<void>()
  const untilStopped = (signal: AbortSignal) =>
    new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
      begun.resolve()
    })
  const run = async ({ signal, attempt }: Occurrence) => (attempt === 1 ? untilStopped(signal) : {})
  await declare({ run })
  const em = app.orm.em.fork()
  const queued = em.create(ScheduleRun, {
    ...unbegun,
    ...{ schedule: 'test.daily', trigger: 'scheduled', status: 'queued', createdBy: null },
    ...{ dueAt: clock.now(), createdAt: clock.now() },
  })
  await em.flush()
  const stop = new AbortController()
  const carried = carryOutRun(app, queued.id, { signal: stop.signal, attempt: 0 })
  await begun.promise
  stop.abort(new Error('stopping'))
  await t.rejects(carried, /stopping/)
  t.match((await call('GET', '/test.daily')).body.lastRun, { status: 'queued', attempts: 1 })
  await carryOutRun(app, queued.id, { signal: new AbortController().signal, attempt: 1 })
  t.match((await call('GET', '/test.daily')).body.lastRun, { status: 'completed', attempts: 2 })
})

t.test('the list says what comes next and what was last, page by page', async (t) => {
  await declare({ timezone: 'Europe/Berlin' })
  const { body } = await call('GET', '')
  const [own] = body.items.filter(({ name }: { name: string }) => name === 'test.daily')
  t.match(own, { title: 'Daily', paused: false, enabled: true, lastRun: null })
  t.equal(own.nextRuns.length, 5)
  t.equal(own.nextRuns[0], '2026-11-21T01:00:00.000Z')
  for (const day of ['21', '22', '23']) await goTo(`2026-11-${day}T02:00:00Z`)
  const first = (await call('GET', '/test.daily/runs?limit=2')).body
  const rest = (await call('GET', `/test.daily/runs?limit=2&cursor=${first.nextCursor}`)).body
  const days = [...first.items, ...rest.items].map(({ dueAt }) => dueAt.slice(8, 10))
  t.same(days, ['23', '22', '21'])
  t.equal(rest.nextCursor, null)
  t.match(await call('GET', '/nothing'), { status: 404, body: { code: 'SCHEDULE_NOT_FOUND' } })
  t.match(await call('GET', '/test.daily/runs?cursor=x'), { status: 400, body: { code: 'CURSOR_INVALID' } })
})
