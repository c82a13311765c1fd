import type { Dataset, TableNode } from '../datasets/definition.ts'
import type { Scope } from '../datasets/scope.ts'
import { artifactColumns } from '../snapshots/capture-queries.ts'
import { tableNodes } from '../snapshots/capture.ts'
import type { SharedSnapshot } from '../source/shared-snapshot.ts'
import type { Tally } from './tally.ts'

export const formats = ['json', 'csv', 'pdf'] as const
export type ExportFormat = (typeof formats)[number]

/** By table: each column's type in the database. */
export type ExportColumns = Record<string, Record<string, string>>

/** What a format is given to make a file of. */
export interface Rendering {
  /** Without its child tables when they are not wanted. */
  dataset: Dataset
  scope: Scope
  /** What the scope selects: an SQL condition over `t0`; null for all. */
  condition: string | null
  /** The instant that is read. */
  instant: SharedSnapshot
  /** For the title page. */
  title: string | null
  createdBy: string
  takenAt: Date
  /** Rows by table, as the database counts them at the instant. */
  counts: Promise<number[]>
  /** Adds up what goes by. */
  tally: Tally
  signal: AbortSignal | undefined
}

/** A dataset with its records alone. */
export function withoutChildren(dataset: Dataset): Dataset {
  return { ...dataset, root: { ...dataset.root, children: [] } }
}

/** What the rows of an export have, by table. */
export function columnsOf(dataset: Dataset): ExportColumns {
  const columnsOfNode = (node: TableNode) =>
    Object.fromEntries(artifactColumns(node).map(({ name, type }) => [name, type]))
  return Object.fromEntries(tableNodes(dataset.root).map((node) => [node.name, columnsOfNode(node)]))
}

/** What a file of a format is called and sent as. CSV with several tables is a zip with one file for each. */
export function fileKind(format: ExportFormat, tables: number): { extension: string; contentType: string } {
  if (format === 'json') return { extension: 'json', contentType: 'application/json; charset=utf-8' }
  if (format === 'pdf') return { extension: 'pdf', contentType: 'application/pdf' }
  if (tables > 1) return { extension: 'zip', contentType: 'application/zip' }
  return { extension: 'csv', contentType: 'text/csv; charset=utf-8; header=present' }
}
