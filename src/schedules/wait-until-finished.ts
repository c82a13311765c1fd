import type { FastifyInstance } from 'fastify'
import { topicOf } from './attempts.ts'
import { findRun } from './find-runs.ts'
import type { ScheduleRun } from './schedule-run.ts'

/** @returns the run when it is finished, or as it is when the time is over */
export async function waitUntilFinished(
  app: FastifyInstance,
  run: ScheduleRun,
  seconds: number,
): Promise<ScheduleRun> {
  if (seconds === 0) return run
  const finished = async () => {
    const latest = await findRun(app.orm.em, run.id)
    return latest.isUnfinished() ? null : latest
  }
  const found = await app.signals.waitFor(topicOf(run.id), finished, seconds * 1000)
  return found ?? findRun(app.orm.em, run.id)
}
