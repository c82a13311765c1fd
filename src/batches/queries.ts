import type { EntityManager } from '../platform/database.ts'
import type { Counts } from './counts.ts'

/**
 * One row of counts for each of so many connections: transactions that count at the same time do not wait for each
 * other. The count is their sum, with what the batch had when it last ended.
 */
const shard = '(pg_backend_pid() % 16)::smallint'

/** What the items of a batch are locked by. @param id SQL for the batch's */
const itemsLock = (id: string) => `hashtextextended(${id}::text, 7230522)`

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

export interface WantedItems {
  batchId: string
  /** The lease that they come under: a new one, or the worker's own. */
  leaseId: string
  worker: string
  limit: number
  now: Date
  expiresAt: Date
}

/** An item to work on. */
export interface ClaimedItem {
  id: string
  payload: Record<string, unknown> | null
  /** 1 for the first go. */
  attempt: number
}

/**
 * Takes the next items that nobody holds, in their order; skips what others are taking at the moment. They are joined by
 * their whole key: of a batch that came after its table was analyzed the planner expects no row, and would look through
 * all of them for each.
 */
export async function claimNext(em: EntityManager, wanted: WantedItems): Promise<ClaimedItem[]> {
  const { batchId, leaseId, worker, limit, now, expiresAt } = wanted
  const rows = await em.execute<(ClaimedItem & { position: string })[]>(
    `WITH picked AS (
       SELECT batch_id, id FROM batch_items
       WHERE batch_id = ? AND state = 'pending' AND (not_before IS NULL OR not_before <= ?)
         AND EXISTS (SELECT FROM batches WHERE id = ? AND status = 'running')
       ORDER BY position LIMIT ? FOR UPDATE SKIP LOCKED
     ), claimed AS (
       UPDATE batch_items AS i SET state = 'leased', lease_id = ?, attempts = i.attempts + 1, not_before = NULL
       FROM picked WHERE i.batch_id = picked.batch_id AND i.id = picked.id
       RETURNING i.position, i.id, i.payload, i.attempts AS attempt
     ), lease AS (
       INSERT INTO batch_leases (id, batch_id, worker, used_at, expires_at)
       SELECT ?, ?, ?, ?, ? WHERE EXISTS (SELECT FROM claimed)
       ON CONFLICT (id) DO UPDATE SET used_at = excluded.used_at, expires_at = excluded.expires_at
     )
     SELECT * FROM claimed ORDER BY position`,
    [batchId, now, batchId, limit, leaseId, leaseId, batchId, worker, now, expiresAt],
  )
  return rows.map(({ id, payload, attempt }) => ({ id, payload, attempt }))
}

/** When the first of the items that wait to be tried again may be; null when none waits. */
export async function nextDue(em: EntityManager, batchId: string): Promise<Date | null> {
  const [row] = await em.execute<[{ due: string | null }]>(
    `SELECT min(not_before) AS due FROM batch_items
     WHERE batch_id = ? AND not_before IS NOT NULL AND state = 'pending'`,
    [batchId],
  )
  return row.due === null ? null : new Date(row.due)
}

/** Gives back what workers hold whose lease has run out. By set, so that a lease that came since is never touched. */
export async function recoverExpired(em: EntityManager, batchId: string, now: Date): Promise<number> {
  // Nearly always none has, and then nobody should look through all that is held.
  const expired = await em.execute(
    'SELECT FROM batch_leases WHERE batch_id = ? AND expires_at <= ? LIMIT 1',
    [batchId, now],
  )
  if (expired.length === 0) return 0
  return em.transactional(async (inner) => {
    await lockItems(inner, batchId)
    return recoverSome(inner, batchId, now)
  })
}

async function recoverSome(em: EntityManager, batchId: string, now: Date): Promise<number> {
  const rows = await em.execute(
    `WITH lost AS (DELETE FROM batch_leases WHERE batch_id = ? AND expires_at <= ? RETURNING id)
     UPDATE batch_items SET state = 'pending'
     WHERE batch_id = ? AND state = 'leased' AND lease_id IN (SELECT id FROM lost) RETURNING 1`,
    [batchId, now, batchId],
  )
  return rows.length
}

/** Ends every lease of a batch, in a transaction: what was held is there for others. */
export async function recoverAll(em: EntityManager, batchId: string): Promise<void> {
  await lockItems(em, batchId)
  await deleteLeases(em, batchId)
  await em.execute(`UPDATE batch_items SET state = 'pending' WHERE batch_id = ? AND state = 'leased'`, [
    batchId,
  ])
}

/**
 * Gives items back that were not worked on, in a transaction: as if they had never been claimed.
 * @param ids null: all that the lease has
 * @returns those that it had
 */
export async function releaseItems(
  em: EntityManager,
  batchId: string,
  leaseId: string,
  ids: string[] | null,
): Promise<string[]> {
  await lockItems(em, batchId)
  const rows = await em.execute<{ id: string }[]>(
    `UPDATE batch_items SET state = 'pending', lease_id = NULL, attempts = attempts - 1
     WHERE batch_id = ? AND state = 'leased' AND lease_id = ? ${ids === null ? '' : 'AND id IN (SELECT json_array_elements_text(?))'}
     RETURNING id`,
    [batchId, leaseId, ...(ids === null ? [] : [JSON.stringify(ids)])],
  )
  return rows.map(({ id }) => id)
}

export async function deleteLease(em: EntityManager, batchId: string, leaseId: string): Promise<void> {
  await em.execute('DELETE FROM batch_leases WHERE id = ? AND batch_id = ?', [leaseId, batchId])
}

export async function deleteLeases(em: EntityManager, batchId: string): Promise<void> {
  await em.execute('DELETE FROM batch_leases WHERE batch_id = ?', [batchId])
}

/** @returns false when the lease is no longer there */
export async function renewLease(
  em: EntityManager,
  batchId: string,
  leaseId: string,
  now: Date,
  expiresAt: Date,
): Promise<boolean> {
  const rows = await em.execute(
    'UPDATE batch_leases SET used_at = ?, expires_at = ? WHERE id = ? AND batch_id = ? RETURNING 1',
    [now, expiresAt, leaseId, batchId],
  )
  return rows.length === 1
}

/** One item's outcome, on its way into the database. */
export interface ReportRow {
  /** Its place among those that go together. */
  n: number
  batch: string
  item: string
  ok: boolean
  result: object | null
  error: object | null
  /** A failure that trying again would not mend. */
  final: boolean
  /** When a failed item may be tried again; null: at once. */
  retry: Date | null
  /** The lease, or the worker, that the item has to be held by; null: whoever. */
  lease: string | null
  worker: string | null
}

/** An item's state after its report. */
export interface AcceptedRow {
  n: number
  state: 'completed' | 'failed' | 'pending'
}

/**
 * Records outcomes and counts them, in one statement and so in one commit. Whoever changes items in another way is
 * locked out (`lockItems`), other reports are not. An item takes one outcome: it is settled only while it is not, by
 * whom it is held or was held last, so of two reports about it only one is accepted.
 */
export async function settleItems(
  em: EntityManager,
  reports: ReportRow[],
  now: Date,
): Promise<AcceptedRow[]> {
  return em.execute<AcceptedRow[]>(
    `WITH r AS MATERIALIZED (
       SELECT * FROM json_to_recordset(?) AS r (n int, batch uuid, item text, ok boolean, result json,
         error json, final boolean, retry timestamptz, lease uuid, worker text)
     ), b AS MATERIALIZED (
       SELECT id, max_attempts, pg_advisory_xact_lock_shared(${itemsLock('id')}) FROM batches WHERE id IN (SELECT batch FROM r)
     ), accepted AS (
       UPDATE batch_items AS i SET
         state = CASE WHEN r.ok THEN 'completed'
           WHEN r.final OR i.failures + 1 >= b.max_attempts THEN 'failed' ELSE 'pending' END,
         failures = i.failures + (NOT r.ok)::int,
         result = r.result,
         error = CASE WHEN r.ok THEN i.error ELSE r.error END,
         not_before = CASE WHEN r.final OR i.failures + 1 >= b.max_attempts THEN NULL ELSE r.retry END, settled_at = ?, reported_by = i.lease_id, lease_id = NULL
       FROM r JOIN b ON b.id = r.batch
       WHERE i.batch_id = r.batch AND i.id = r.item
         AND (i.state = 'leased' OR i.state = 'pending' AND (r.ok OR r.lease IS NOT NULL OR i.failures = 0))
         AND (r.lease IS NULL OR i.lease_id = r.lease)
         AND (r.worker IS NULL
           OR EXISTS (SELECT FROM batch_leases l WHERE l.id = i.lease_id AND l.worker = r.worker))
       RETURNING r.n, i.batch_id, i.state
     ), counted AS (
       INSERT INTO batch_counts AS c (batch_id, shard, total, completed, failed)
       SELECT batch_id, ${shard}, 0, count(*) FILTER (WHERE state = 'completed'),
         count(*) FILTER (WHERE state = 'failed')
       FROM accepted WHERE state <> 'pending' GROUP BY batch_id ORDER BY batch_id
       ON CONFLICT (batch_id, shard) DO UPDATE SET completed = c.completed + excluded.completed,
         failed = c.failed + excluded.failed
     ), used AS (
       UPDATE batch_leases SET used_at = ? WHERE id IN (
         SELECT id FROM batch_leases WHERE id IN (SELECT lease FROM r) AND used_at < ? FOR UPDATE SKIP LOCKED)
     )
     SELECT n, state FROM accepted`,
    [JSON.stringify(reports), now, now, new Date(now.getTime() - 1000)],
  )
}

/** What an item is, to tell why a report was not accepted. */
export interface FoundItem {
  n: number
  state: 'pending' | 'leased' | 'completed' | 'failed'
  /** Whether the same lease, or the same worker, reported it before. */
  isOwn: boolean
  lastFailed: boolean
}

export async function lookUpItems(em: EntityManager, reports: ReportRow[]): Promise<FoundItem[]> {
  return em.execute<FoundItem[]>(
    `SELECT r.n, i.state, coalesce(r.lease IS NULL OR i.reported_by = r.lease, false) AS "isOwn",
       i.failures > 0 AS "lastFailed"
     FROM json_to_recordset(?) AS r (n int, batch uuid, item text, lease uuid)
     JOIN batch_items i ON i.batch_id = r.batch AND i.id = r.item`,
    [JSON.stringify(reports)],
  )
}

function uuids(ids: string[]): string {
  return `{${ids.join(',')}}`
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

/** When the next lease of a batch runs out, or the next item that waits to be tried again may be; null: neither. */
export async function nextChange(em: EntityManager, batchId: string): Promise<Date | null> {
  const [row] = await em.execute<[{ at: string | null }]>(
    `SELECT least(
       (SELECT min(expires_at) FROM batch_leases WHERE batch_id = ?),
       (SELECT min(not_before) FROM batch_items
         WHERE batch_id = ? AND not_before IS NOT NULL AND state = 'pending')) AS at`,
    [batchId, batchId],
  )
  return row.at === null ? null : new Date(row.at)
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

/** The batches that somebody holds items of whose lease has run out. */
export async function findExpired(em: EntityManager, now: Date): Promise<string[]> {
  const rows = await em.execute<{ id: string }[]>(
    'SELECT DISTINCT batch_id AS id FROM batch_leases WHERE expires_at <= ?',
    [now],
  )
  return rows.map(({ id }) => id)
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
