import type { EntityManager } from '../platform/database.ts'
import { itemsLock, shard } from './queries.ts'

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
