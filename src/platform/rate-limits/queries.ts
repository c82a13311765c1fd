import type { EntityManager } from '../database.ts'

/**
 * Counts requests that came at the same time.
 * @param keys whose they are, one for each
 * @param minute when the present minute began
 * @returns for each how many its key has had in that minute, this one included, from all replicas
 */
export async function countRequests(em: EntityManager, keys: string[], minute: Date): Promise<number[]> {
  const counts = new Map<string, number>()
  const places = keys.map((key) => {
    const place = (counts.get(key) ?? 0) + 1
    counts.set(key, place)
    return place
  })
  // In one order, so that two replicas don't each wait for the other.
  const rows = await em.execute<{ key: string; requests: number }[]>(
    `INSERT INTO rate_limits AS r (key, minute, requests)
     SELECT key, ?::timestamptz, requests FROM json_to_recordset(?) AS c (key text, requests int) ORDER BY key
     ON CONFLICT (key) DO UPDATE SET minute = greatest(r.minute, excluded.minute),
       requests = CASE WHEN r.minute >= excluded.minute THEN r.requests ELSE 0 END + excluded.requests
     RETURNING key, requests`,
    [minute, JSON.stringify(Array.from(counts, ([key, requests]) => ({ key, requests })))],
  )
  const totals = new Map(rows.map(({ key, requests }) => [key, requests]))
  return keys.map((key, i) => totals.get(key)! - counts.get(key)! + places[i]!)
}

/** Forgets who has not asked since. */
export async function sweepRateLimits(em: EntityManager, since: Date): Promise<void> {
  await em.execute('DELETE FROM rate_limits WHERE minute < ?', [since])
}
