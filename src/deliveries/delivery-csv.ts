import type { CsvColumns } from '../platform/send-csv.ts'
import type { PresentedDelivery } from './present-delivery.ts'

/** The list of deliveries as a file. */
export const deliveryCsv: CsvColumns<PresentedDelivery> = {
  id: (d) => d.id,
  title: (d) => d.title,
  dataset: (d) => d.dataset,
  scope: (d) => d.scope,
  destination: (d) => d.destination,
  status: (d) => d.status,
  files: (d) => d.progress?.total,
  delivered: (d) => d.progress?.completed,
  failed: (d) => d.progress?.failed,
  created_at: (d) => d.createdAt,
  created_by: (d) => d.createdBy,
  finished_at: (d) => d.finishedAt,
  snapshot: (d) => d.snapshotId,
  originals_go_at: (d) => d.backup.cleanupScheduledAt,
  cleanup: (d) => d.cleanupId,
  batch: (d) => d.batchId,
}
