import type { ScheduleRun } from './schedule-run.ts'

/** A run as the API answers with it. */
export function presentRun(run: ScheduleRun) {
  const { startedAt, finishedAt } = run
  const durationMs = startedAt && finishedAt && Math.max(0, finishedAt.getTime() - startedAt.getTime())
  return {
    id: run.id,
    schedule: run.schedule,
    trigger: run.trigger,
    status: run.status,
    dueAt: run.dueAt.toISOString(),
    startedAt: startedAt?.toISOString() ?? null,
    finishedAt: finishedAt?.toISOString() ?? null,
    durationMs,
    attempts: run.attempts,
    counts: run.counts,
    note: run.note,
    caused: run.caused,
    error: run.error,
    createdBy: run.createdBy,
  }
}
