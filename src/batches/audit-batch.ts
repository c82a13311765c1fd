import type { Cause } from '../audit/actor.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { EntityManager } from '../platform/database.ts'
import type { Batch } from './batch.ts'

/**
 * What became of a batch, in the audit log and in the transaction of the change. What becomes of each item is in the
 * item itself: a million entries would bury the rest. @param done such as `paused`
 */
export async function auditBatch(
  em: EntityManager,
  batch: Batch,
  done: string,
  { actor, requestId, address }: Cause,
  metadata: object = {},
): Promise<void> {
  const { id, key, way, handler, dataset } = batch
  await appendAudit(em, {
    actor,
    action: `batch.${done}`,
    entityType: 'batch',
    entityIds: [id],
    ...(dataset !== null && { dataset }),
    requestId,
    address,
    metadata: { key, way, ...(handler && { handler }), ...metadata },
  })
}
