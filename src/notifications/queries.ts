import type { EntityManager } from '../platform/database.ts'
import type { Notice } from './notice.ts'

type NewNotice = Pick<
  Notice,
  'id' | 'event' | 'dataset' | 'aboutType' | 'aboutId' | 'key' | 'channel' | 'lane' | 'facts' | 'createdAt'
>

/** @returns false when the same was told on the same channel before */
export async function insertNotice(em: EntityManager, notice: NewNotice): Promise<boolean> {
  const { id, event, dataset, aboutType, aboutId, key, channel, lane, facts, createdAt } = notice
  const rows = await em.execute(
    `INSERT INTO notices (id, event, dataset, about_type, about_id, key, channel, lane, facts, status, attempts,
       next_attempt_at, maybe_repeated, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?::jsonb, 'pending', 0, ?, false, ?)
     ON CONFLICT DO NOTHING RETURNING id`,
    [
      ...[id, event, dataset, aboutType, aboutId, key, channel, lane],
      ...[JSON.stringify(facts), createdAt, createdAt],
    ],
  )
  return rows.length > 0
}
