import type { FastifyInstance } from 'fastify'
import { systemActor } from '../audit/actor.ts'
import { isDatabaseGone } from '../platform/database-failures.ts'
import { Problem } from '../platform/errors.ts'
import { failpoint } from '../platform/failpoints.ts'
import type { JobRun } from '../platform/queue.ts'
import {
  auditRun,
  changeAttempt,
  lockRun,
  Superseded,
  topicOf,
  whileItCounts,
  type Attempt,
} from './attempts.ts'
import { scheduleProblems } from './errors.ts'
import type { RunOutcome, ScheduleRun } from './schedule-run.ts'
import type { ScheduleDefinition } from './schedules.ts'

/** The job that carries a run out. */
export const runJob = 'schedules.run'

/** A run that was begun this often and never ended takes the service down with it, or can't be done. */
const maxAttempts = 5

const system = { actor: systemActor }

/**
 * Carries a run out. Starts over when an earlier attempt died; does nothing when it is finished already. Every end is
 * recorded in the run; only an interruption, or the loss of Holdfast's own database, escapes, so that the queue tries again.
 */
export async function carryOutRun(app: FastifyInstance, id: string, job: JobRun): Promise<void> {
  const begun = await begin(app, id)
  if (begun === null) return
  const { run, attempt } = begun
  await failpoint('schedule.begun')
  try {
    const definition = app.schedules.get(run.schedule)
    const outcome = await whileItCounts(app, attempt, (gone) =>
      definition.run(occurrenceOf(run, AbortSignal.any([job.signal, gone]))),
    )
    await failpoint('schedule.carried-out')
    await settle(app, attempt, definition, outcome)
    await failpoint('schedule.settled')
  } catch (error) {
    if (isDatabaseGone(error)) throw error
    await settleFailure(app, attempt, error, job)
  }
}

async function begin(
  app: FastifyInstance,
  id: string,
): Promise<{ run: ScheduleRun; attempt: Attempt } | null> {
  return app.orm.em.fork().transactional(async (em) => {
    const run = await lockRun(em, id)
    if (run === null || !run.isUnfinished()) return null
    await app.signals.send(em, topicOf(id))
    if (run.attempts >= maxAttempts) {
      run.fail(describe(interruptedTooOften), app.clock.now())
      await auditRun(em, run, datasetOf(app, run), 'failed', system, {
        outcome: 'failed',
        metadata: { error: run.error },
      })
      return null
    }
    run.begin(app.clock.now())
    await auditRun(em, run, datasetOf(app, run), 'started', system, { metadata: { attempt: run.attempts } })
    return { run, attempt: { runId: id, number: run.attempts } }
  })
}

const interruptedTooOften = scheduleProblems.RUN_INTERRUPTED(
  `It was begun ${maxAttempts} times and interrupted each time.`,
)

function occurrenceOf({ id, schedule, dueAt, trigger, attempts }: ScheduleRun, signal: AbortSignal) {
  return { runId: id, schedule, dueAt, trigger, cause: system, signal, attempt: attempts }
}

async function settle(
  app: FastifyInstance,
  attempt: Attempt,
  { dataset }: ScheduleDefinition,
  outcome: RunOutcome,
): Promise<void> {
  await changeAttempt(app, attempt, async (run, em) => {
    run.complete(outcome, app.clock.now())
    await auditRun(em, run, dataset, 'completed', system, { metadata: outcome })
  })
}

/** Failed for good, taken over by another attempt, or interrupted and to be run again. */
async function settleFailure(
  app: FastifyInstance,
  attempt: Attempt,
  error: unknown,
  job: JobRun,
): Promise<void> {
  try {
    await changeAttempt(app, attempt, async (run, em) => {
      if (job.signal.aborted) {
        run.requeue()
        return auditRun(em, run, datasetOf(app, run), 'interrupted', system)
      }
      run.fail(describe(error), app.clock.now())
      await auditRun(em, run, datasetOf(app, run), 'failed', system, {
        outcome: 'failed',
        metadata: { error: run.error },
      })
    })
  } catch (failure) {
    if (failure instanceof Superseded) return
    throw failure
  }
  if (job.signal.aborted) throw error
  if (!(error instanceof Problem)) app.log.error({ err: error, run: attempt.runId }, 'a scheduled run failed')
}

/** What nobody expected is told to the log alone, which has the details. */
function describe(error: unknown): { code: string; detail: string } {
  if (error instanceof Problem) return { code: error.code, detail: error.message }
  return { code: 'INTERNAL', detail: 'Something went wrong on our side; the log has the details.' }
}

/** A schedule that is declared no longer has none. */
function datasetOf(app: FastifyInstance, { schedule }: ScheduleRun): string | null {
  return app.schedules.list().find(({ name }) => name === schedule)?.dataset ?? null
}
