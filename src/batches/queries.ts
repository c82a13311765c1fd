import type { EntityManager } from '../platform/database.ts'
import type { Counts } from './counts.ts'

/**
 * One row of counts for each of so many connections: transactions that count at the same time do not wait for each
 * other. The count is their sum, with what the batch had when it last ended.
 */
export const shard = '(pg_backend_pid() % 16)::smallint'

/** What the items of a batch are locked by. @param id SQL for the batch's */
export const itemsLock = (id: string) => `hashtextextended(${id}::text, 7230522)`

/**
 * Waits for reports that are under way, and keeps others waiting until the transaction ends. Whoever changes several
 * items at once other than by a report has to: both would come to them in another order, and wait for each other.
 */
export async function lockItems(em: EntityManager, batchId: string): Promise<void> {
  await em.execute(`SELECT pg_advisory_xact_lock(${itemsLock('?')})`, [batchId])
}

/** An item as it comes in. */
export interface NewItem {
  id: string
  payload?: object | undefined
}

/** @returns how many were new; those whose id the batch has already stay as they are */
export async function insertItems(em: EntityManager, batchId: string, items: NewItem[]): Promise<number> {
  const [row] = await em.execute<[{ added: number }]>(
    `WITH added AS (
       INSERT INTO batch_items (batch_id, id, payload, state)
       SELECT ?, i.id, i.payload, 'pending'
       FROM ROWS FROM (json_to_recordset(?) AS (id text, payload json)) WITH ORDINALITY AS i (id, payload, n)
       ORDER BY n
       ON CONFLICT (batch_id, id) DO NOTHING
       RETURNING 1)
     SELECT count(*)::int AS added FROM added`,
    [batchId, JSON.stringify(items)],
  )
  return row.added
}

/** Changes the counts of a batch, in the transaction that changes its items. */
export async function addCounts(em: EntityManager, batchId: string, counts: Counts): Promise<void> {
  await em.execute(
    `INSERT INTO batch_counts AS c (batch_id, shard, total, completed, failed)
     VALUES (?, ${shard}, ?, ?, ?)
     ON CONFLICT (batch_id, shard) DO UPDATE SET total = c.total + excluded.total,
       completed = c.completed + excluded.completed, failed = c.failed + excluded.failed`,
    [batchId, counts.total, counts.completed, counts.failed],
  )
}

/** What is known of a batch at one instant, besides its own row. */
export interface Standing extends Counts {
  /** Items that somebody holds now. */
  hasLeased: boolean
  /** Whether somebody works on it: holds items, or did a moment ago. True of one that isn't running: nobody has to. */
  isWorkedOn: boolean
}

/** In one statement, so that what is read is of one instant and never goes back. */
export async function readStandings(
  em: EntityManager,
  ids: string[],
  now: Date,
): Promise<Map<string, Standing>> {
  if (ids.length === 0) return new Map()
  const rows = await em.execute<(Standing & { id: string })[]>(
    `SELECT b.id,
       b.total + coalesce(sum(c.total), 0)::int AS total,
       b.completed + coalesce(sum(c.completed), 0)::int AS completed,
       b.failed + coalesce(sum(c.failed), 0)::int AS failed,
       EXISTS (SELECT FROM batch_items WHERE batch_id = b.id AND state = 'leased') AS "hasLeased",
       b.status <> 'running'
         OR EXISTS (SELECT FROM batch_leases l WHERE l.batch_id = b.id AND l.expires_at > ? AND (l.used_at > ?
           OR EXISTS (SELECT FROM batch_items i
             WHERE i.batch_id = b.id AND i.state = 'leased' AND i.lease_id = l.id))) AS "isWorkedOn"
     FROM batches b LEFT JOIN batch_counts c ON c.batch_id = b.id
     WHERE b.id = ANY (?::uuid[]) GROUP BY b.id`,
    [now, new Date(now.getTime() - lingersMs), uuids(ids)],
  )
  return new Map(rows.map(({ id, ...standing }) => [id, standing]))
}

/** A worker between two chunks of items is still there. */
const lingersMs = 10_000

/** Moves what was counted since into the batch's own row; the caller writes the sum there. The batch is locked. */
export async function clearCounts(em: EntityManager, batchId: string): Promise<Counts> {
  const [row] = await em.execute<[Counts]>(
    `WITH gone AS (DELETE FROM batch_counts WHERE batch_id = ? RETURNING total, completed, failed)
     SELECT coalesce(sum(total), 0)::int AS total, coalesce(sum(completed), 0)::int AS completed,
       coalesce(sum(failed), 0)::int AS failed FROM gone`,
    [batchId],
  )
  return row
}

/** Lets one transaction at a time create a batch of a key. */
export async function lockKey(em: EntityManager, key: string): Promise<void> {
  await em.execute('SELECT pg_advisory_xact_lock(hashtextextended(?, 7230521))', [key])
}

/** Of batches that are not over: those of the given that may be, since nothing is left to do or they were cancelled. */
export async function findSettled(em: EntityManager, ids: string[]): Promise<string[]> {
  if (ids.length === 0) return []
  const rows = await em.execute<{ id: string }[]>(
    `SELECT b.id FROM batches b LEFT JOIN batch_counts c ON c.batch_id = b.id
     WHERE b.id = ANY (?::uuid[]) AND b.finished_at IS NULL
     GROUP BY b.id
     HAVING b.status = 'cancelling' OR b.total + coalesce(sum(c.total), 0)
       <= b.completed + coalesce(sum(c.completed), 0) + b.failed + coalesce(sum(c.failed), 0)`,
    [uuids(ids)],
  )
  return rows.map(({ id }) => id)
}

/** Notes how many items are settled now, and what was noted before, for the rate. At most every so often. */
export async function sampleProgress(
  em: EntityManager,
  ids: string[],
  now: Date,
  since: Date,
): Promise<void> {
  await em.execute(
    `UPDATE batches b SET earlier_at = sampled_at, earlier_settled = sampled_settled, sampled_at = ?,
       sampled_settled = b.completed + b.failed + coalesce(
         (SELECT sum(c.completed + c.failed) FROM batch_counts c WHERE c.batch_id = b.id), 0)
     WHERE b.id = ANY (?::uuid[]) AND (b.sampled_at IS NULL OR b.sampled_at <= ?)`,
    [now, uuids(ids), since],
  )
}

/** Notes when work on a batch began. */
export async function noteStart(em: EntityManager, batchId: string, now: Date): Promise<void> {
  await em.execute(
    `UPDATE batches SET started_at = coalesce(started_at, ?),
       sampled_settled = CASE WHEN sampled_at IS NULL THEN completed + failed + coalesce(
         (SELECT sum(c.completed + c.failed) FROM batch_counts c WHERE c.batch_id = batches.id), 0)
         ELSE sampled_settled END,
       sampled_at = coalesce(sampled_at, ?)
     WHERE id = ? AND (started_at IS NULL OR sampled_at IS NULL)`,
    [now, now, batchId],
  )
}

/** Whether there is something for Holdfast's own worker to do. */
export async function hasWork(em: EntityManager, batchId: string): Promise<boolean> {
  const rows = await em.execute(
    `SELECT FROM batches b WHERE id = ? AND (status = 'cancelling' OR status = 'running'
       AND EXISTS (SELECT FROM batch_items WHERE batch_id = b.id AND state = 'pending'))`,
    [batchId],
  )
  return rows.length > 0
}

/** @returns how many items were removed, at most `limit` */
export async function deleteSomeItems(em: EntityManager, batchId: string, limit: number): Promise<number> {
  const rows = await em.execute(
    `DELETE FROM batch_items WHERE batch_id = ? AND id IN (
       SELECT id FROM batch_items WHERE batch_id = ? LIMIT ?) RETURNING 1`,
    [batchId, batchId, limit],
  )
  return rows.length
}

function uuids(ids: string[]): string {
  return `{${ids.join(',')}}`
}
