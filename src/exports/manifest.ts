import type { Scope } from '../datasets/scope.ts'
import { fileName } from '../snapshots/file-names.ts'
import type { CompletedExport, GateRecord } from './export.ts'
import { notForRestoring } from './read-me.ts'
import { fileKind, type ExportColumns, type ExportFormat } from './rendering.ts'

/** What an export's file is, for whoever has to rely on it. Lies beside it in the store as `<key>.manifest.json`. */
export interface ExportManifest {
  holdfast: 1
  kind: 'export'
  id: string
  title: string | null
  /** What was asked. */
  query: {
    dataset: string
    scope: Scope
    format: ExportFormat
    includeChildren: boolean
    columns: ExportColumns
  }
  /** Rows by table, as written and as counted by the database at the same instant. */
  counts: Record<string, number>
  takenAt: string
  createdBy: string | null
  createdAt: string
  expiresAt: string | null
  gate: GateRecord | null
  file: { name: string; contentType: string; bytes: number; sha256: string; key: string }
  note: string
}

/** @param exported completed */
export function manifestOf(exported: CompletedExport): ExportManifest {
  const { id, title, dataset, scope, format, includeChildren, columns, counts, gate, createdBy } = exported
  const { extension, contentType } = kindOf(exported)
  return {
    holdfast: 1,
    kind: 'export',
    id,
    title,
    query: { dataset, scope, format, includeChildren, columns },
    counts,
    takenAt: exported.takenAt.toISOString(),
    createdBy,
    createdAt: exported.createdAt.toISOString(),
    expiresAt: exported.expiresAt?.toISOString() ?? null,
    gate,
    file: {
      name: fileName(dataset, scope, exported.takenAt, extension),
      contentType,
      bytes: exported.bytes,
      sha256: exported.sha256,
      key: exported.key,
    },
    note: notForRestoring,
  }
}

/** What a completed export's file is called and sent as. */
export function kindOf({ format, columns }: CompletedExport): { extension: string; contentType: string } {
  return fileKind(format, Object.keys(columns).length)
}
