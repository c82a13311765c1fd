import type { Transaction } from '@mikro-orm/core'
import type { EntityManager } from '../database.ts'

/** What an attempt claims. Times by the service's clock. */
export interface Claim {
  id: string
  bodyDigest: string
  attempt: string
  now: Date
  leaseUntil: Date
  /** Rows from then or before have served their time. */
  keptSince: Date
}

/**
 * Takes a key: one that is new, whose answer is too old, or whose attempt died before it changed anything.
 * @returns false when it is taken
 */
export async function claimKey(em: EntityManager, claim: Claim): Promise<boolean> {
  const { id, bodyDigest, attempt, now, leaseUntil, keptSince } = claim
  const rows = await em.execute(
    `INSERT INTO idempotency_keys AS k (id, body_digest, attempt, lease_until, changed, created_at)
     VALUES (?, ?, ?, ?, false, ?)
     ON CONFLICT (id) DO UPDATE SET body_digest = excluded.body_digest, attempt = excluded.attempt,
       lease_until = excluded.lease_until, changed = false, status = NULL, answer = NULL, created_at = excluded.created_at
     WHERE k.created_at <= ?
       OR (k.status IS NULL AND NOT k.changed AND k.lease_until <= ? AND k.body_digest = excluded.body_digest)
     RETURNING id`,
    [id, bodyDigest, attempt, leaseUntil, now, keptSince, now],
  )
  return rows.length === 1
}

/**
 * Marks that an attempt changed something, in the transaction that does. A transaction that wrote nothing has no id.
 * @returns false when the attempt was taken for dead and another has its place
 */
export async function markChanged(
  em: EntityManager,
  transaction: Transaction,
  { id, attempt }: { id: string; attempt: string },
): Promise<boolean> {
  const connection = em.getConnection()
  const [state] = await connection.execute<{ wrote: boolean }[]>(
    'SELECT pg_current_xact_id_if_assigned() IS NOT NULL AS wrote',
    [],
    'all',
    transaction,
  )
  if (!state?.wrote) return true
  const { affectedRows } = await connection.execute<{ affectedRows: number }>(
    'UPDATE idempotency_keys SET changed = true WHERE id = ? AND attempt = ?',
    [id, attempt],
    'run',
    transaction,
  )
  return affectedRows === 1
}
