import type { CsvColumns } from '../platform/send-csv.ts'
import type { presentRow } from './present-item.ts'
import type { PresentedBatch } from './present-batch.ts'

/** The list of batches as a file. */
export const batchCsv: CsvColumns<PresentedBatch> = {
  id: (b) => b.id,
  key: (b) => b.key,
  title: (b) => b.title,
  dataset: (b) => b.dataset,
  status: (b) => b.status,
  items: (b) => b.total,
  completed: (b) => b.completed,
  failed: (b) => b.failed,
  pending: (b) => b.pending,
  created_at: (b) => b.createdAt,
  created_by: (b) => b.createdBy,
  started_at: (b) => b.startedAt,
  finished_at: (b) => b.finishedAt,
}

/** The items of a batch as a file. */
export const itemCsv: CsvColumns<ReturnType<typeof presentRow>> = {
  id: (i) => i.id,
  status: (i) => i.status,
  attempts: (i) => i.attempts,
  failures: (i) => i.failures,
  error: (i) => i.error?.code,
  error_detail: (i) => i.error?.detail,
  result: (i) => i.result,
  payload: (i) => i.payload,
  worker: (i) => i.worker,
  settled_at: (i) => i.settledAt,
}
