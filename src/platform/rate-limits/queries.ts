import type { EntityManager } from '../database.ts'

/**
 * Counts one more request.
 * @param minute when the present minute began
 * @returns how many there were in it, this one included, from all replicas
 */
export async function countRequest(em: EntityManager, key: string, minute: Date): Promise<number> {
  const [row] = await em.execute<[{ requests: number }]>(
    `INSERT INTO rate_limits AS r (key, minute, requests) VALUES (?, ?, 1)
     ON CONFLICT (key) DO UPDATE SET minute = greatest(r.minute, excluded.minute),
       requests = CASE WHEN r.minute >= excluded.minute THEN r.requests + 1 ELSE 1 END
     RETURNING requests`,
    [key, minute],
  )
  return row.requests
}

/** Forgets who has not asked since. */
export async function sweepRateLimits(em: EntityManager, since: Date): Promise<void> {
  await em.execute('DELETE FROM rate_limits WHERE minute < ?', [since])
}
