import type { CsvColumns } from '../platform/send-csv.ts'
import type { ScheduleRun } from './schedule-run.ts'

/** The history of a schedule as a file. */
export const runCsv: CsvColumns<ScheduleRun> = {
  id: (r) => r.id,
  schedule: (r) => r.schedule,
  due_at: (r) => r.dueAt,
  status: (r) => r.status,
  trigger: (r) => r.trigger,
  created_by: (r) => r.createdBy,
  started_at: (r) => r.startedAt,
  finished_at: (r) => r.finishedAt,
  attempts: (r) => r.attempts,
  counts: (r) => JSON.stringify(r.counts),
  note: (r) => r.note,
  error: (r) => r.error?.code,
}
