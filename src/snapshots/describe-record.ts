import type { TableNode } from '../datasets/definition.ts'
import type { Field, Row } from './diff-record.ts'

/** Rows of one table that a record's page shows. */
const shownRows = 25

/** The rows of one table below a record, as its page shows them. */
export interface RowsOfTable {
  /** In the artifact: `turns`, `turns.notes`. */
  path: string
  table: string
  total: number
  columns: string[]
  rows: Field[][]
}

/** A record in parts: its own fields, then table by table what is below it, each under its parent's. */
export function describeRecord(
  root: TableNode,
  record: Row,
): { fields: [string, Field][]; tables: RowsOfTable[] } {
  const names = columnsOf(root, [record])
  return {
    fields: names.map((name) => [name, record[name] as Field]),
    tables: root.children.flatMap((child) => tablesBelow(child, [record], '')),
  }
}

function tablesBelow(node: TableNode, parents: Row[], prefix: string): RowsOfTable[] {
  const rows = parents.flatMap((parent) => (parent[node.as] ?? []) as Row[])
  const columns = columnsOf(node, rows)
  const path = `${prefix}${node.as}`
  const own = {
    path,
    table: node.name,
    total: rows.length,
    columns,
    rows: rows.slice(0, shownRows).map((row) => columns.map((name) => row[name] as Field)),
  }
  return [own, ...node.children.flatMap((child) => tablesBelow(child, rows, `${path}.`))]
}

/** The fields of rows that are no lists of further rows. */
function columnsOf({ children }: TableNode, rows: Row[]): string[] {
  const lists = new Set(children.map(({ as }) => as))
  return Object.keys(rows[0] ?? {}).filter((name) => !lists.has(name))
}
