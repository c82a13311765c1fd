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

const together = 1000

/** Records them in as few statements as it takes: after a long downtime there may be tens of thousands. */
export async function insertUnrun(
  em: EntityManager,
  { schedule, status, due, note, now }: Unrun,
): Promise<void> {
  for (let start = 0; start < due.length; start += together) {
    const some = due.slice(start, start + together)
    const values = some.map(() => `(?::uuid, ?::timestamptz)`).join(', ')
    await em.execute(
      `INSERT INTO schedule_runs
         (id, schedule, trigger, due_at, status, created_at, finished_at, attempts, counts, note)
       SELECT id, ?, 'scheduled', due_at, ?, ?::timestamptz, ?::timestamptz, 0, '{}', ?
       FROM (VALUES ${values}) AS occurrence(id, due_at)`,
      [schedule, status, now, now, note, ...some.flatMap((dueAt) => [newId(), dueAt])],
    )
  }
}
