import type { CsvColumns } from '../platform/send-csv.ts'
import type { Snapshot } from './snapshot.ts'

/** The list of snapshots as a file. */
export const snapshotCsv: CsvColumns<Snapshot> = {
  id: (s) => s.id,
  dataset: (s) => s.dataset,
  scope: (s) => s.scope,
  title: (s) => s.title,
  note: (s) => s.note,
  status: (s) => s.status,
  trigger: (s) => s.trigger,
  created_at: (s) => s.createdAt,
  created_by: (s) => s.createdBy,
  taken_at: (s) => s.takenAt,
  rows: (s) => (s.takenAt === null ? null : Object.values(s.counts).reduce((a, b) => a + b, 0)),
  bytes: (s) => s.bytes,
  stored_bytes: (s) => s.storedBytes,
  sha256: (s) => s.sha256,
  verified_at: (s) => s.verifiedAt,
  expires_at: (s) => s.expiresAt,
  hold: (s) => s.hold,
  error: (s) => s.error?.code,
}
