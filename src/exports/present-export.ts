import { fileName } from '../snapshots/file-names.ts'
import type { CompletedExport, Export } from './export.ts'
import { kindOf } from './manifest.ts'

/** An export as the API answers with it. */
export function presentExport(exported: Export) {
  return {
    id: exported.id,
    dataset: exported.dataset,
    scope: exported.scope,
    format: exported.format,
    includeChildren: exported.includeChildren,
    title: exported.title,
    status: exported.status,
    takenAt: iso(exported.takenAt),
    fileName: nameOf(exported),
    sha256: exported.sha256,
    bytes: exported.bytes,
    counts: exported.counts,
    key: exported.takenAt === null ? null : exported.key,
    expiresAt: iso(exported.expiresAt),
    createdBy: exported.createdBy,
    createdAt: exported.createdAt.toISOString(),
    startedAt: iso(exported.startedAt),
    finishedAt: iso(exported.finishedAt),
    attempts: exported.attempts,
    progress: exported.status === 'generating' ? progressOf(exported) : null,
    gate: exported.gate,
    warnings: warningsOf(exported),
    error: exported.error,
  }
}

function iso(at: Date | null): string | null {
  return at?.toISOString() ?? null
}

function nameOf({ takenAt, dataset, scope, ...rest }: Export): string | null {
  if (takenAt === null) return null
  return fileName(dataset, scope, takenAt, kindOf(rest as CompletedExport).extension)
}

function progressOf({ progressRecords, progressBytes }: Export) {
  return { records: progressRecords, bytes: progressBytes }
}

/** A scope in which nothing falls is no mistake, such as a month without records, but worth knowing. */
function warningsOf({ status, counts }: Export): string[] {
  const empty = status === 'completed' && Object.values(counts).every((count) => count === 0)
  return empty ? ['No record falls into this scope: the export is empty.'] : []
}
