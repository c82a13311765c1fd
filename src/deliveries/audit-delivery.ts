import type { Cause } from '../audit/actor.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { EntityManager } from '../platform/database.ts'
import type { Delivery } from './delivery.ts'

/** What became of a delivery, in the audit log and in the transaction of the change. @param done such as `requested` */
export async function auditDelivery(
  em: EntityManager,
  { id, batchId, dataset, scope, destination, snapshotId }: Delivery,
  done: string,
  { actor, requestId, address }: Cause,
  more: { metadata?: object; outcome?: 'done' | 'failed' } = {},
): Promise<void> {
  await appendAudit(em, {
    actor,
    action: `delivery.${done}`,
    entityType: 'delivery',
    entityIds: [id],
    dataset,
    requestId,
    address,
    outcome: more.outcome ?? 'done',
    metadata: { batchId, scope, destination, ...more.metadata },
    ...(snapshotId !== null && { snapshotId }),
  })
}
