import type { EntityManager } from '../platform/database.ts'

/** Keeps snapshots that are good from being removed until the transaction ends. @returns how many of them are good */
export async function lockGood(em: EntityManager, ids: string[]): Promise<number> {
  const rows = await em.execute(
    `SELECT id FROM snapshots WHERE id = ANY (?::uuid[]) AND status = 'completed' AND deleted_at IS NULL
     ORDER BY id FOR SHARE`,
    [`{${ids.join(',')}}`],
  )
  return rows.length
}
