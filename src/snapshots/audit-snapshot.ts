import type { Cause } from '../audit/actor.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { EntityManager } from '../platform/database.ts'
import type { Snapshot } from './snapshot.ts'

/** What became of a snapshot, in the audit log and in the transaction of the change. @param done such as `taken` */
export async function auditSnapshot(
  em: EntityManager,
  snapshot: Snapshot,
  done: string,
  { actor, requestId, address }: Cause,
  more: { metadata?: object; outcome?: 'done' | 'failed' } = {},
): Promise<void> {
  const { id, dataset, scope, trigger, title } = snapshot
  await appendAudit(em, {
    actor,
    action: `snapshot.${done}`,
    entityType: 'snapshot',
    entityIds: [id],
    dataset,
    requestId,
    address,
    outcome: more.outcome ?? 'done',
    metadata: { scope, trigger, ...(title !== null && { title }), ...more.metadata },
  })
}
