import type { EntityManager } from '../platform/database.ts'
import type { LeftCode } from './plan.ts'

/** Items: what a cleanup may remove, by key as text, and what became of each. */

export async function insertItems(
  em: EntityManager,
  cleanupId: string,
  keys: string[],
  from: number,
): Promise<void> {
  await em.execute(
    `INSERT INTO cleanup_items (cleanup_id, key, position)
     SELECT ?, i.key, ? + i.n FROM json_array_elements_text(?::json) WITH ORDINALITY AS i (key, n)`,
    [cleanupId, from, JSON.stringify(keys)],
  )
}

/** Which of some keys other cleanups of the same kind have that wait or run. */
export async function plannedElsewhere(
  em: EntityManager,
  dataset: string,
  target: string,
  keys: string[],
): Promise<Set<string>> {
  const rows = await em.execute<{ key: string }[]>(
    `SELECT DISTINCT i.key FROM cleanup_items i JOIN cleanups c ON c.id = i.cleanup_id
      WHERE c.dataset = ? AND c.target = ? AND c.status IN ('pending', 'awaiting_confirmation', 'capturing', 'removing')
        AND i.key IN (SELECT json_array_elements_text(?::json))`,
    [dataset, target, JSON.stringify(keys)],
  )
  return new Set(rows.map(({ key }) => key))
}

/** Which of some keys are in the plan. */
export async function plannedOf(em: EntityManager, cleanupId: string, keys: string[]): Promise<Set<string>> {
  const rows = await em.execute<{ key: string }[]>(
    `SELECT key FROM cleanup_items WHERE cleanup_id = ? AND key IN (SELECT json_array_elements_text(?::json))`,
    [cleanupId, JSON.stringify(keys)],
  )
  return new Set(rows.map(({ key }) => key))
}

/** The first keys of a plan, up to one more than `limit`. */
export async function firstKeys(em: EntityManager, cleanupId: string, limit: number): Promise<string[]> {
  const rows = await em.execute<{ key: string }[]>(
    'SELECT key FROM cleanup_items WHERE cleanup_id = ? ORDER BY position LIMIT ?',
    [cleanupId, limit + 1],
  )
  return rows.map(({ key }) => key)
}

/** Puts items into chunks. */
export async function assignChunks(
  em: EntityManager,
  cleanupId: string,
  chunks: { key: string; chunk: number }[],
): Promise<void> {
  await em.execute(
    `UPDATE cleanup_items AS i SET chunk = a.chunk FROM json_to_recordset(?::json) AS a (key text, chunk int)
      WHERE i.cleanup_id = ? AND i.key = a.key`,
    [JSON.stringify(chunks), cleanupId],
  )
}

/** The same by their order alone. */
export async function assignInOrder(em: EntityManager, cleanupId: string, size: number): Promise<void> {
  await em.execute('UPDATE cleanup_items SET chunk = ((position - 1) / ?)::int + 1 WHERE cleanup_id = ?', [
    size,
    cleanupId,
  ])
}

/** Begins anew: an earlier attempt may have put items into chunks that it then did not capture. */
export async function forgetChunks(em: EntityManager, cleanupId: string): Promise<void> {
  await em.execute(
    'UPDATE cleanup_items SET chunk = NULL, outcome = NULL, detail = NULL WHERE cleanup_id = ? AND (chunk IS NOT NULL OR outcome IS NOT NULL)',
    [cleanupId],
  )
}

/** What is in no chunk was not captured: it is left alone. */
export async function leaveUncaptured(em: EntityManager, cleanupId: string): Promise<void> {
  await em.execute(
    `UPDATE cleanup_items SET outcome = 'GONE', detail = 'It was gone, or no longer in the scope.'
      WHERE cleanup_id = ? AND chunk IS NULL`,
    [cleanupId],
  )
}

export async function keysOfChunk(em: EntityManager, cleanupId: string, chunk: number): Promise<string[]> {
  const rows = await em.execute<{ key: string }[]>(
    'SELECT key FROM cleanup_items WHERE cleanup_id = ? AND chunk = ? ORDER BY position',
    [cleanupId, chunk],
  )
  return rows.map(({ key }) => key)
}

export interface ItemOutcome {
  key: string
  outcome: 'REMOVED' | LeftCode
  detail: string | null
}

export async function recordOutcomes(
  em: EntityManager,
  cleanupId: string,
  outcomes: ItemOutcome[],
): Promise<void> {
  await em.execute(
    `UPDATE cleanup_items AS i SET outcome = o.outcome, detail = o.detail
       FROM json_to_recordset(?::json) AS o (key text, outcome text, detail text)
      WHERE i.cleanup_id = ? AND i.key = o.key`,
    [JSON.stringify(outcomes), cleanupId],
  )
}

/** Items by what became of them; null: nothing yet. */
export async function countOutcomes(
  em: EntityManager,
  cleanupId: string,
): Promise<{ outcome: 'REMOVED' | LeftCode | null; items: number }[]> {
  return em.execute(
    'SELECT outcome, count(*)::int AS items FROM cleanup_items WHERE cleanup_id = ? GROUP BY outcome',
    [cleanupId],
  )
}

/** What was captured and removed; null: all that was captured. */
export async function removedKeys(em: EntityManager, cleanupId: string): Promise<string[] | null> {
  const [row] = await em.execute<[{ all: boolean }]>(
    `SELECT NOT EXISTS (SELECT FROM cleanup_items
       WHERE cleanup_id = ? AND chunk IS NOT NULL AND outcome IS DISTINCT FROM 'REMOVED') AS all`,
    [cleanupId],
  )
  if (row.all) return null
  const rows = await em.execute<{ key: string }[]>(
    `SELECT key FROM cleanup_items WHERE cleanup_id = ? AND outcome = 'REMOVED' ORDER BY position`,
    [cleanupId],
  )
  return rows.map(({ key }) => key)
}

/** What was left alone, in order, after a position. */
export async function listLeft(
  em: EntityManager,
  cleanupId: string,
  after: number,
  limit: number,
): Promise<{ key: string; outcome: LeftCode; detail: string; position: number }[]> {
  return em.execute(
    `SELECT key, outcome, detail, position::int AS position FROM cleanup_items
      WHERE cleanup_id = ? AND outcome <> 'REMOVED' AND position > ? ORDER BY position LIMIT ?`,
    [cleanupId, after, limit],
  )
}

/** What a cleanup may remove, and what became of it: null while nothing did. */
export interface CleanupItem {
  key: string
  outcome: 'REMOVED' | LeftCode | null
  detail: string | null
}

/** Some of a cleanup's items by key. @param outcome of these only; `WAITING`: nothing became of them yet */
export async function pageOfItems(
  em: EntityManager,
  cleanupId: string,
  outcome: string | undefined,
  after: string,
  limit: number,
): Promise<CleanupItem[]> {
  const [condition, values] =
    outcome === undefined
      ? ['', []]
      : outcome === 'WAITING'
        ? ['AND outcome IS NULL', []]
        : ['AND outcome = ?', [outcome]]
  return em.execute<CleanupItem[]>(
    `SELECT key, outcome, detail FROM cleanup_items WHERE cleanup_id = ? AND key > ? ${condition} ORDER BY key LIMIT ?`,
    [cleanupId, after, ...values, limit],
  )
}

/** Items that are worth another go now that others are gone, the last first; they go into a chunk of their own. */
export async function gatherRetries(
  em: EntityManager,
  cleanupId: string,
  chunk: number,
  firstChunk: number,
  size: number,
): Promise<number> {
  const rows = await em.execute<{ key: string }[]>(
    `UPDATE cleanup_items SET chunk = ? WHERE cleanup_id = ? AND key IN (
       SELECT key FROM cleanup_items WHERE cleanup_id = ? AND outcome IN ('REFERENCED', 'LOCKED') AND chunk < ?
        ORDER BY position DESC LIMIT ?) RETURNING key`,
    [chunk, cleanupId, cleanupId, firstChunk, size],
  )
  return rows.length
}

/** What the chunks say that is not told of each item. */
export async function sumChunks(
  em: EntityManager,
  cleanupId: string,
): Promise<{ tables: Record<string, number>; longestLockMs: number }> {
  const [row] = await em.execute<[{ tables: Record<string, number> | null; longest: number | null }]>(
    `SELECT (SELECT json_object_agg(name, rows) FROM (
         SELECT t.key AS name, sum(t.value::float8) AS rows FROM cleanup_chunks k, json_each_text((k.result -> 'tables')::json) t
          WHERE k.cleanup_id = ? AND k.done GROUP BY t.key) AS summed) AS tables,
       (SELECT max((result ->> 'lockedMs')::int) FROM cleanup_chunks WHERE cleanup_id = ?) AS longest`,
    [cleanupId, cleanupId],
  )
  return { tables: row.tables ?? {}, longestLockMs: row.longest ?? 0 }
}

/** One chunk's transaction on the source. */
export interface ChunkRow {
  number: number
  /** The fence: only the latest may record anything. */
  attempts: number
  done: boolean
  result: ChunkResult | null
  sourceTransaction: string | null
  sourceBackend: number | null
}

export interface ChunkResult {
  tables: Record<string, number>
  lockedMs: number
  outcomes: ItemOutcome[]
}

/** Begins an attempt at a chunk, whatever became of the one before. */
export async function beginChunk(em: EntityManager, cleanupId: string, number: number): Promise<ChunkRow> {
  const [row] = await em.execute<[ChunkRow]>(
    `INSERT INTO cleanup_chunks AS k (cleanup_id, number, attempts, done) VALUES (?, ?, 1, false)
     ON CONFLICT (cleanup_id, number) DO UPDATE SET attempts = k.attempts + 1
     RETURNING number, attempts, done, result, source_transaction AS "sourceTransaction", source_backend AS "sourceBackend"`,
    [cleanupId, number],
  )
  return row
}

/** @returns false when a later attempt took over */
export async function recordTransaction(
  em: EntityManager,
  cleanupId: string,
  { number, attempts }: Pick<ChunkRow, 'number' | 'attempts'>,
  result: ChunkResult,
  transaction: string | null,
  backend: number | null,
): Promise<boolean> {
  const rows = await em.execute<unknown[]>(
    `UPDATE cleanup_chunks SET result = ?::jsonb, source_transaction = ?, source_backend = ?
      WHERE cleanup_id = ? AND number = ? AND attempts = ? AND NOT done RETURNING number`,
    [JSON.stringify(result), transaction, backend, cleanupId, number, attempts],
  )
  return rows.length > 0
}

/** @returns false when a later attempt took over */
export async function finishChunk(
  em: EntityManager,
  cleanupId: string,
  { number, attempts }: Pick<ChunkRow, 'number' | 'attempts'>,
): Promise<boolean> {
  const rows = await em.execute<unknown[]>(
    `UPDATE cleanup_chunks SET done = true WHERE cleanup_id = ? AND number = ? AND attempts = ? AND NOT done RETURNING number`,
    [cleanupId, number, attempts],
  )
  return rows.length > 0
}

/** Numbers of the chunks that items are in, and of the last one. */
export async function chunkNumbers(em: EntityManager, cleanupId: string): Promise<number[]> {
  const rows = await em.execute<{ chunk: number }[]>(
    'SELECT DISTINCT chunk FROM cleanup_items WHERE cleanup_id = ? AND chunk IS NOT NULL ORDER BY chunk',
    [cleanupId],
  )
  return rows.map(({ chunk }) => chunk)
}

/** Chunks of retries that were begun and not finished, after a crash. */
export async function unfinishedFrom(em: EntityManager, cleanupId: string, first: number): Promise<number[]> {
  const rows = await em.execute<{ number: number }[]>(
    'SELECT number FROM cleanup_chunks WHERE cleanup_id = ? AND number >= ? AND NOT done ORDER BY number',
    [cleanupId, first],
  )
  return rows.map(({ number }) => number)
}
