import type { EntityManager } from '../platform/database.ts'
import { decodeCursor, encodeCursor } from '../platform/cursors.ts'
import Type from 'typebox'
import { scheduleProblems } from './errors.ts'
import { ScheduleRun, type RunStatus } from './schedule-run.ts'

export interface RunsQuery {
  status?: RunStatus
  limit?: number
  cursor?: string
}

const Position = Type.Tuple([Type.String({ format: 'date-time' }), Type.String({ format: 'uuid' })])

/**
 * The runs of a schedule, the one that was due last first.
 * @throws Problem CURSOR_INVALID
 */
export async function findRuns(
  em: EntityManager,
  schedule: string,
  { status, limit = 50, cursor }: RunsQuery,
): Promise<{ runs: ScheduleRun[]; nextCursor: string | null }> {
  const position = decodeCursor(cursor, Position)
  const [dueAt, id] = position === null ? [] : [new Date(position[0]), position[1]]
  const found = await em.fork().find(
    ScheduleRun,
    {
      schedule,
      ...(status !== undefined && { status }),
      ...(dueAt && { dueAt: { $lte: dueAt }, $or: [{ dueAt: { $lt: dueAt } }, { id: { $lt: id! } }] }),
    },
    { orderBy: [{ dueAt: 'desc' }, { id: 'desc' }], limit: limit + 1 },
  )
  const last = found.length > limit ? found[limit - 1] : undefined
  const nextCursor = last === undefined ? null : encodeCursor([last.dueAt.toISOString(), last.id])
  return { runs: found.slice(0, limit), nextCursor }
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

/** A run as it is now. @throws Problem SCHEDULE_NOT_FOUND when it was forgotten */
export async function findRun(em: EntityManager, id: string): Promise<ScheduleRun> {
  const run = await em.fork().findOne(ScheduleRun, { id })
  if (run === null) throw scheduleProblems.SCHEDULE_NOT_FOUND(`There is no run ${id}.`)
  return run
}
