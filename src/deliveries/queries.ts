import type { EntityManager } from '../platform/database.ts'

/** A place to note which paths are taken, for the length of the entity manager's transaction. */
export async function createTakenPaths(em: EntityManager): Promise<void> {
  await em.execute(
    'CREATE TEMP TABLE taken_paths (path text COLLATE "C" PRIMARY KEY, next integer NOT NULL) ON COMMIT DROP',
  )
}

/** @returns those of some paths that are taken, with the number that the next file of the name may try */
export async function findTakenPaths(em: EntityManager, paths: string[]): Promise<Map<string, number>> {
  const rows = await em.execute<{ path: string; next: number }[]>(
    'SELECT path, next FROM taken_paths WHERE path IN (SELECT json_array_elements_text(?))',
    [JSON.stringify(paths)],
  )
  return new Map(rows.map(({ path, next }) => [path, next]))
}

export async function takePaths(em: EntityManager, paths: Map<string, number>): Promise<void> {
  const rows = [...paths].map(([path, next]) => ({ path, next }))
  await em.execute(
    `INSERT INTO taken_paths SELECT path, next FROM json_to_recordset(?) AS p (path text, next integer)
     ON CONFLICT (path) DO UPDATE SET next = excluded.next`,
    [JSON.stringify(rows)],
  )
}

/** @returns those of some originals that a delivery has delivered */
export async function findDelivered(
  em: EntityManager,
  deliveryId: string,
  sources: string[],
): Promise<Set<string>> {
  const rows = await em.execute<{ source: string }[]>(
    'SELECT source FROM delivered_files WHERE delivery_id = ? AND source IN (SELECT json_array_elements_text(?))',
    [deliveryId, JSON.stringify(sources)],
  )
  return new Set(rows.map(({ source }) => source))
}

/** What a delivery is doing, in SQL over the table of deliveries: as present-delivery.ts says it. */
export const effectiveStatus = `CASE WHEN status IN ('preparing', 'failed') THEN status ELSE coalesce(
  (SELECT CASE WHEN b.status = 'running' THEN 'delivering' WHEN b.finished_at IS NOT NULL AND conclusion_due
     THEN 'concluding' ELSE b.status END FROM batches AS b WHERE b.id = batch_id), status) END`
