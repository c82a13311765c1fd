import type { EntityManager } from '../platform/database.ts'
import type { Notice } from './notice.ts'

type NewNotice = Pick<
  Notice,
  | 'id'
  | 'event'
  | 'dataset'
  | 'aboutType'
  | 'aboutId'
  | 'key'
  | 'channel'
  | 'lane'
  | 'facts'
  | 'createdAt'
  | 'giveUpAt'
>

/** @returns false when the same was told on the same channel before */
export async function insertNotice(em: EntityManager, notice: NewNotice): Promise<boolean> {
  const { id, event, dataset, aboutType, aboutId, key, channel, lane, facts, createdAt, giveUpAt } = notice
  const rows = await em.execute(
    `INSERT INTO notices (id, event, dataset, about_type, about_id, key, channel, lane, facts, status, attempts,
       next_attempt_at, give_up_at, maybe_repeated, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?::jsonb, 'pending', 0, ?, ?, false, ?)
     ON CONFLICT DO NOTHING RETURNING id`,
    [
      ...[id, event, dataset, aboutType, aboutId, key, channel, lane],
      ...[JSON.stringify(facts), createdAt, giveUpAt, createdAt],
    ],
  )
  return rows.length > 0
}

/** Lanes in which a notice may go out now. */
export async function dueLanes(em: EntityManager, now: Date): Promise<string[]> {
  const rows = await em.execute<{ lane: string }[]>(
    `SELECT DISTINCT lane FROM notices AS n WHERE status = 'pending' AND next_attempt_at <= ?
       AND NOT EXISTS (SELECT FROM notices AS p WHERE p.lane = n.lane AND p.lane_paused_until > ?)`,
    [now, now],
  )
  return rows.map(({ lane }) => lane)
}

/** Gives up what has waited too long in a lane that can't be used: trying each would only tell the same of each. */
export async function giveUpLane(em: EntityManager, lane: string, error: object, now: Date): Promise<void> {
  await em.execute(
    `UPDATE notices SET status = 'failed', error = ?::jsonb WHERE lane = ? AND status = 'pending' AND give_up_at <= ?`,
    [JSON.stringify(error), lane, now],
  )
}
