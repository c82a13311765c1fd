import type { CsvColumns } from '../platform/send-csv.ts'
import type { AuditEntry } from './audit-entry.ts'

/** The audit log as a file for people; the chain itself is downloaded as NDJSON. */
export const auditCsv: CsvColumns<AuditEntry> = {
  seq: (e) => e.seq,
  id: (e) => e.id,
  at: (e) => e.at,
  actor: (e) => e.actorName,
  actor_email: (e) => e.actorEmail,
  actor_type: (e) => e.actorType,
  actor_role: (e) => e.actorRole,
  action: (e) => e.action,
  outcome: (e) => e.outcome,
  entity_type: (e) => e.entityType,
  entity_ids: (e) => e.entityIds.join(' '),
  dataset: (e) => e.dataset,
  request_id: (e) => e.requestId,
  address: (e) => e.address,
  snapshot_id: (e) => e.snapshotId,
  metadata: (e) => e.metadata,
  hash: (e) => e.hash,
}
