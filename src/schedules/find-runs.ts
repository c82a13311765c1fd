import type { EntityManager } from '../platform/database.ts'
import { timesBetween } from '../platform/filters.ts'
import { readPage, type SortedPageQuery } from '../platform/read-page.ts'
import type { Sorting } from '../platform/sorting.ts'
import { scheduleProblems } from './errors.ts'
import { ScheduleRun, type RunStatus } from './schedule-run.ts'

export interface RunsQuery extends SortedPageQuery {
  status?: RunStatus
  /** RFC 3339 times between which they were due; `to` is exclusive. */
  from?: string
  to?: string
}

/** What the runs of a schedule are sorted by: when they were due. */
export const runSorting: Sorting<ScheduleRun> = {
  columns: { due: { is: 'time', sql: 'due_at', of: (run) => run.dueAt } },
  usual: '-due',
}

/**
 * The runs of a schedule, the one that was due last first unless `sort` says otherwise.
 * @throws Problem CURSOR_INVALID
 */
export async function findRuns(
  em: EntityManager,
  schedule: string,
  { status, from, to, ...page }: RunsQuery,
): Promise<{ runs: ScheduleRun[]; nextCursor: string | null }> {
  const where = { schedule, ...(status !== undefined && { status }), dueAt: timesBetween(from, to) }
  const list = { em, entity: ScheduleRun, where: [where], sorting: runSorting }
  const { items, nextCursor } = await readPage(list, page)
  return { runs: items, nextCursor }
}

/** The last run of each schedule, by name: the one that was due last. */
export async function lastRuns(em: EntityManager, schedules: string[]): Promise<Map<string, ScheduleRun>> {
  const runs = await Promise.all(
    schedules.map((schedule) =>
      em.fork().findOne(ScheduleRun, { schedule }, { orderBy: [{ dueAt: 'desc' }, { id: 'desc' }] }),
    ),
  )
  return new Map(runs.flatMap((run) => (run === null ? [] : [[run.schedule, run]])))
}

/** A run as it is now. @throws Problem SCHEDULE_RUN_NOT_FOUND, also when it was forgotten */
export async function findRun(em: EntityManager, id: string): Promise<ScheduleRun> {
  const run = await em.fork().findOne(ScheduleRun, { id })
  if (run === null) throw scheduleProblems.SCHEDULE_RUN_NOT_FOUND(`There is no run ${id}.`)
  return run
}
