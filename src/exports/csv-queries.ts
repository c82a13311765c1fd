import type { Dataset, Reference, TableNode } from '../datasets/definition.ts'
import {
  alias,
  artifactColumns,
  joinChain,
  joinReferences,
  notNull,
  order,
  pointsDirectly,
  referenceAlias,
  walk,
  whereClause,
} from '../snapshots/capture-queries.ts'
import type { Column } from '../source/catalog.ts'
import { quoteIdentifier, quoteTable } from '../source/identifiers.ts'
import { columnOf, outputOf, textExpression } from '../source/values.ts'
import { runnable } from '../platform/csv.ts'

/** One table of a CSV export. */
export interface CsvTable {
  node: TableNode
  /** The columns' names, for the first line. */
  header: string[]
  /** Its rows, cell by cell as COPY prints them. */
  sql: string
}

interface Cell {
  name: string
  sql: string
}

/**
 * A table each, parents before children, rows in the order of the artifact. A child's row begins with the keys of those
 * above it (`sessions.id`), so that the files can be joined.
 */
export function csvTables(dataset: Dataset, condition: string | null): CsvTable[] {
  return walk(dataset.root, (node, chain) => {
    const depth = chain.length - 1
    const direct = condition === null && depth === 1 && pointsDirectly(dataset, node)
    const cells = [...(direct ? directKey(node) : keysAbove(chain)), ...rowCells(node, depth)]
    const where = [condition === null ? null : `(${condition})`, direct ? notNull(node, depth) : null]
    const sql = [
      `SELECT ${cells.map((cell) => cell.sql).join(', ')}`,
      `FROM ${direct ? `${quoteTable(node.table)} AS ${alias(depth)}` : joinChain(chain)}`,
      ...chain.flatMap((above, d) => joinReferences(above, d, above === node)),
      ...whereClause(where),
      `ORDER BY ${order(chain, direct)}`,
    ].join('\n')
    return { node, header: cells.map(({ name }) => name), sql }
  })
}

/** The record's key, read off the child's own columns, which hold the same values. */
function directKey({ parent }: TableNode): Cell[] {
  const { node, columns, parentColumns } = parent!
  return columns.map((column, i) => ({
    name: `${node.as}.${parentColumns[i]!.name}`,
    sql: cell(alias(1), column),
  }))
}

function keysAbove(chain: TableNode[]): Cell[] {
  return chain.slice(0, -1).flatMap((node, depth) =>
    node.key.flatMap((column) => {
      const i = node.references.findIndex((reference) => reference.columns[0] === column)
      const cells =
        i < 0 ? [ownCell(column, depth)] : referenceCells({ ...node.references[i]!, include: [] }, i, depth)
      return cells.map(({ name, sql }) => ({ name: `${node.as}.${name}`, sql }))
    }),
  )
}

function rowCells(node: TableNode, depth: number): Cell[] {
  return artifactColumns(node).flatMap((column) => {
    const i = node.references.findIndex((reference) => reference.columns[0] === column)
    return i < 0 ? [ownCell(column, depth)] : referenceCells(node.references[i]!, i, depth)
  })
}

function ownCell(column: Column, depth: number): Cell {
  return { name: column.name, sql: cell(alias(depth), column) }
}

/** The stable key of the referenced row and what goes with it for readers, a cell each. */
function referenceCells(reference: Reference, i: number, depth: number): Cell[] {
  const table = referenceAlias(depth, i)
  const name = reference.columns[0]!.name
  const keys = reference.key.map((column, k) => ({
    name: reference.key.length === 1 ? name : `${name}.${column.name}`,
    sql: k === 0 ? keyOrUnresolved(reference, table, depth) : cell(table, column),
  }))
  const included = reference.include.map((column) => ({
    name: `${name}.${column.name}`,
    sql: cell(table, column),
  }))
  return [...keys, ...included]
}

/** A pointer to nothing is shown as it is, marked `unresolved`. */
function keyOrUnresolved(reference: Reference, table: string, depth: number): string {
  const there = `${table}.${quoteIdentifier(reference.referencedColumns[0]!.name)} IS NOT NULL`
  const pointers = reference.columns.map((column) => columnOf(alias(depth), column))
  const raw = reference.columns.map((column) => textExpression(alias(depth), column)).join(", ' ', ")
  return [
    `CASE WHEN ${there} THEN ${defused(textOf(table, reference.key[0]!))}`,
    `WHEN ${pointers.map((pointer) => `${pointer} IS NOT NULL`).join(' AND ')}`,
    `THEN pg_catalog.concat('unresolved ', ${raw}) END`,
  ].join(' ')
}

/** Types whose text no spreadsheet runs: numbers stay numbers, even negative ones. */
const harmless =
  /^(int2|int4|int8|float4|float8|numeric|money|oid|bool|uuid|time|timetz|bytea|jsonb|bit|varbit|_.*)$/

/** These are harmless but for one value. */
const dates = /^(date|timestamp|timestamptz)$/

/** SQL for a cell: the value as COPY prints it, defused where a spreadsheet would run it. */
function cell(table: string, column: Column): string {
  const value = columnOf(table, column)
  if (harmless.test(column.baseType)) return value
  if (dates.test(column.baseType))
    return `CASE WHEN pg_catalog.isfinite(${value}) THEN ${value}::text ELSE pg_catalog.replace(${value}::text, '-', '''-') END`
  return defused(textOf(table, column))
}

function defused(text: string): string {
  return `CASE WHEN pg_catalog.ascii(${text}) IN (${runnable.join(', ')}) THEN '''' || ${text} ELSE ${text} END`
}

function textOf(table: string, column: Column): string {
  if (/^(text|varchar|name)$/.test(column.baseType)) return `${columnOf(table, column)}::text`
  return column.baseType === 'char' ? textExpression(table, column) : outputOf(columnOf(table, column))
}
