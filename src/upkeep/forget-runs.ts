import type { FastifyInstance } from 'fastify'
import { ScheduleRun } from '../schedules/schedule-run.ts'
import type { RunOutcome } from '../schedules/schedules.ts'
import { historyDays } from '../schedules/tick.ts'

/** Removes the runs of schedules that nobody looks at any more; the audit log still has them. */
export async function forgetRuns({ orm, clock }: FastifyInstance): Promise<RunOutcome> {
  const before = new Date(clock.now().getTime() - historyDays * 86_400_000)
  const where = { dueAt: { $lt: before }, finishedAt: { $ne: null } }
  return { counts: { runs: await orm.em.fork().nativeDelete(ScheduleRun, where) } }
}
