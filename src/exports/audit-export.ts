import type { Cause } from '../audit/actor.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { EntityManager } from '../platform/database.ts'
import type { Export } from './export.ts'

/** What became of an export, in the audit log and in the transaction of the change. @param done such as `completed` */
export async function auditExport(
  em: EntityManager,
  { id, dataset, scope, format, includeChildren }: Export,
  done: string,
  { actor, requestId, address }: Cause,
  more: { metadata?: object; outcome?: 'done' | 'failed' } = {},
): Promise<void> {
  await appendAudit(em, {
    actor,
    action: `export.${done}`,
    entityType: 'export',
    entityIds: [id],
    dataset,
    requestId,
    address,
    outcome: more.outcome ?? 'done',
    metadata: { scope, format, includeChildren, ...more.metadata },
  })
}
