import type { EntityManager } from '../platform/database.ts'
import { ScheduleRun } from './schedule-run.ts'

/** Runs that failed or were missed, the one that was due last first. */
export async function failedRuns(em: EntityManager, since: Date, limit: number): Promise<ScheduleRun[]> {
  return em
    .fork()
    .find(
      ScheduleRun,
      { status: { $in: ['failed', 'missed'] }, dueAt: { $gte: since } },
      { orderBy: { dueAt: 'desc', id: 'desc' }, limit },
    )
}
