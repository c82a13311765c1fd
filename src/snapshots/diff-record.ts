import type { Column } from '../source/catalog.ts'
import type { TableNode } from '../datasets/definition.ts'
import type { Value } from '../source/values.ts'
import { artifactColumns } from './capture-queries.ts'

/** A row as its JSON has it: values, and lists of rows under the children's names. */
export type Row = { [field: string]: Field | Row[] }

/** A value; or of a reference the stable key, alone, as a list, with further columns, or marked `unresolved`. */
export type Field =
  Value | Value[] | { key: Value | Value[]; [included: string]: unknown } | { unresolved: string[] }

export interface FieldChange {
  name: string
  stored: Field
  live: Field
}

/** What sets a stored row apart from the live one. `same`: only its children may differ. */
export interface RowDifference {
  node: TableNode
  kind: 'stored only' | 'live only' | 'differs' | 'same'
  stored: Row | null
  live: Row | null
  /** For `differs`: the fields that do. */
  fields: FieldChange[]
  children: RowDifference[]
}

/** The columns of each table that both the artifact and the dataset have; a table that the artifact lacks is left out. */
export type SharedColumns = Map<TableNode, Column[]>

/**
 * Compares a record, row by row, each told apart by its key among its siblings.
 * @param stored parsed line of the artifact, or null; @param live parsed line of the source, or null
 */
export function diffRecord(
  node: TableNode,
  columns: SharedColumns,
  stored: Row | null,
  live: Row | null,
): RowDifference {
  const fields = stored && live ? changedFields(columns.get(node)!, stored, live) : []
  const kind =
    stored === null ? 'live only' : live === null ? 'stored only' : fields.length > 0 ? 'differs' : 'same'
  const children = node.children
    .filter((child) => columns.has(child))
    .flatMap((child) => diffChildren(child, columns, rowsOf(stored, child), rowsOf(live, child)))
  return { node, kind, stored, live, fields, children }
}

function diffChildren(node: TableNode, columns: SharedColumns, stored: Row[], live: Row[]): RowDifference[] {
  const unseen = new Map(live.map((row) => [rowKey(node, row), row]))
  const pairs: [Row | null, Row | null][] = stored.map((row) => {
    const key = rowKey(node, row)
    const other = unseen.get(key) ?? null
    unseen.delete(key)
    return [row, other]
  })
  for (const row of unseen.values()) pairs.push([null, row])
  return pairs.map(([left, right]) => diffRecord(node, columns, left, right))
}

function rowsOf(row: Row | null, child: TableNode): Row[] {
  return (row?.[child.as] as Row[] | undefined) ?? []
}

/** What tells a row from its siblings, as text. */
export function rowKey(node: TableNode, row: Row): string {
  return JSON.stringify(node.key.map((column) => comparable(row[column.name] as Field)))
}

function changedFields(columns: Column[], stored: Row, live: Row): FieldChange[] {
  const changes: FieldChange[] = []
  for (const { name } of columns) {
    const [left, right] = [stored[name] as Field, live[name] as Field]
    if (!sameField(left, right)) changes.push({ name, stored: left, live: right })
  }
  return changes
}

function sameField(left: Field, right: Field): boolean {
  return Object.is(left, right) || JSON.stringify(comparable(left)) === JSON.stringify(comparable(right))
}

/** Columns that go with a reference for readers say nothing about the row itself. */
function comparable(field: Field): Field {
  if (field !== null && typeof field === 'object' && !Array.isArray(field) && 'key' in field)
    return field.key as Field
  return Object.is(field, -0) ? '-0' : field
}

/** All columns of a dataset's tables, for two artifacts' worth of the same definition. */
export function allColumns(nodes: TableNode[]): SharedColumns {
  return new Map(nodes.map((node) => [node, artifactColumns(node)]))
}
