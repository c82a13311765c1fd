import type { EntityManager } from '../platform/database.ts'
import { newId } from '../platform/entity.ts'

/** Occurrences that are recorded without being run. */
export interface Unrun {
  schedule: string
  status: 'missed'
  due: Date[]
  note: string
  now: Date
}

/** Records them in one statement. @param due a thousand at most: a statement's parameters are counted */
export async function insertUnrun(
  em: EntityManager,
  { schedule, status, due, note, now }: Unrun,
): Promise<void> {
  const values = due.map(() => `(?::uuid, ?::timestamptz)`).join(', ')
  await em.execute(
    `INSERT INTO schedule_runs
       (id, schedule, trigger, due_at, status, created_at, finished_at, attempts, counts, note)
     SELECT id, ?, 'scheduled', due_at, ?, ?::timestamptz, ?::timestamptz, 0, '{}', ?
     FROM (VALUES ${values}) AS occurrence(id, due_at)`,
    [schedule, status, now, now, note, ...due.flatMap((dueAt) => [newId(), dueAt])],
  )
}
