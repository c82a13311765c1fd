import type { EntityManager } from '../platform/database.ts'
import { lockItems } from './queries.ts'

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

/** The batches that somebody holds items of whose lease has run out. */
export async function findExpired(em: EntityManager, now: Date): Promise<string[]> {
  const rows = await em.execute<{ id: string }[]>(
    'SELECT DISTINCT batch_id AS id FROM batch_leases WHERE expires_at <= ?',
    [now],
  )
  return rows.map(({ id }) => id)
}
