import type { TableNode } from '../datasets/definition.ts'
import type { KeyValue } from './manifest.ts'
import { rowKey, type Field, type RowDifference, type SharedColumns } from './diff-record.ts'

/** One row that is not as the snapshot has it. */
export interface RowChange {
  table: string
  /** The record that it belongs to. */
  record: KeyValue[]
  /** The row's own key: the record's, or what tells the row from its siblings. */
  key: unknown[]
  /** What happened since the snapshot. */
  kind: 'create' | 'update' | 'delete'
  /** Of an update those that differ, else all. */
  fields: { name: string; before: unknown; after: unknown }[]
}

/** Rows of one table, by what happened to them since the snapshot. */
export interface TableSummary {
  table: string
  create: number
  update: number
  delete: number
  keep: number
}

const kinds = { 'stored only': 'delete', 'live only': 'create', differs: 'update', same: 'keep' } as const

/** Adds a record's rows to the summary, table by table. */
export function countRows(summary: Map<TableNode, TableSummary>, difference: RowDifference): void {
  summary.get(difference.node)![kinds[difference.kind]]++
  for (const child of difference.children) countRows(summary, child)
}

/** A record's rows that differ, parents before children. */
export function* changesOf(
  record: KeyValue[],
  difference: RowDifference,
  columns: SharedColumns,
): Generator<RowChange> {
  const { node, kind, stored, live } = difference
  if (kind !== 'same') {
    const key = JSON.parse(rowKey(node, (live ?? stored)!)) as unknown[]
    yield {
      table: node.name,
      record,
      key,
      kind: kinds[kind],
      fields: fieldsOf(difference, columns),
    } as RowChange
  }
  for (const child of difference.children) yield* changesOf(record, child, columns)
}

function fieldsOf({ node, kind, stored, live, fields }: RowDifference, columns: SharedColumns) {
  if (kind === 'differs')
    return fields.map(({ name, stored, live }) => ({ name, before: stored, after: live }))
  const value = (row: typeof stored, name: string) => (row === null ? null : (row[name] as Field))
  return columns
    .get(node)!
    .map(({ name }) => ({ name, before: value(stored, name), after: value(live, name) }))
}
