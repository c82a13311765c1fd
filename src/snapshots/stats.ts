import type pg from 'pg'
import type { Dataset, Reference, TableNode } from '../datasets/definition.ts'
import type { Column } from '../source/catalog.ts'
import { quoteIdentifier, quoteLiteral, quoteTable } from '../source/identifiers.ts'
import { textExpression, toText, type Value } from '../source/values.ts'
import { joinChain, type Condition } from './capture-queries.ts'

/** One figure as a dataset file declares it under `stats`. */
export interface StatDeclaration {
  count?: string
  sum?: string
  where?: Record<string, Value | { set?: boolean; equals?: Value; in?: Value[] }>
  by?: string
}

export type Figure = number | string

/**
 * Asks for the figures that a dataset declares, over the records of a scope.
 * @param client a connection that sees the instant of the snapshot
 * @returns each figure by its name; with `by`, figures by that column's values, where `(none)` stands for NULL. A number
 *   that JSON would not keep exactly is a string
 */
export async function readStats(
  client: pg.ClientBase,
  dataset: Dataset,
  condition: Condition,
): Promise<Record<string, Figure | Record<string, Figure>>> {
  const stats: Record<string, Figure | Record<string, Figure>> = {}
  for (const [name, declared] of Object.entries(dataset.declaration.stats ?? {})) {
    const { rows } = await client.query<[string, string]>({
      text: statQuery(dataset, declared as StatDeclaration, condition),
      rowMode: 'array',
    })
    const figures = rows.map(([value, figure]) => [value, exact(figure)] as const)
    const isGrouped = (declared as StatDeclaration).by !== undefined
    stats[name] = isGrouped ? Object.fromEntries(figures) : (figures[0]?.[1] ?? 0)
  }
  return stats
}

function exact(text: string): Figure {
  return String(Number(text)) === text ? Number(text) : text
}

/** Two columns: the value that the figure is for, and the figure. */
export function statQuery(dataset: Dataset, declared: StatDeclaration, condition: Condition): string {
  const { path, column } = targetOf(declared)
  const chain = chainOf(dataset.root, path)
  const node = chain.at(-1)!
  const table = `t${chain.length - 1}`
  const figure =
    column === null
      ? 'pg_catalog.count(*)'
      : `coalesce(pg_catalog.sum(${cell(table, columnOf(node, column))}), 0)`
  const by = declared.by === undefined ? null : valueOf(node, table, columnOf(node, declared.by))
  const conditions = [
    ...(condition === null ? [] : [`(${condition})`]),
    ...Object.entries(declared.where ?? {}).map(([name, test]) => holds(table, columnOf(node, name), test)),
  ]
  return [
    `SELECT ${by === null ? "''" : `coalesce(${by.text}, '(none)')`}, (${figure})::text`,
    `FROM ${joinChain(chain)}${by?.join ?? ''}`,
    ...(conditions.length === 0 ? [] : [`WHERE ${conditions.join(' AND ')}`]),
    ...(by === null ? [] : ['GROUP BY 1 ORDER BY 1']),
  ].join('\n')
}

/** `count` names a table, `sum` a table, a dot and a column; `records` is the root's name. */
function targetOf({ count, sum }: StatDeclaration): { path: string[]; column: string | null } {
  if (sum === undefined) return { path: (count ?? 'records').split('.'), column: null }
  const parts = sum.split('.')
  return { path: parts.slice(0, -1), column: parts.at(-1)! }
}

function chainOf(root: TableNode, path: string[]): TableNode[] {
  const chain = [root]
  for (const name of path[0] === 'records' ? path.slice(1) : path) {
    const child = chain.at(-1)!.children.find((child) => child.as === name)
    if (child === undefined) throw new Error(`stats: there is no table "${path.join('.')}"`)
    chain.push(child)
  }
  return chain
}

function columnOf({ name: table, table: { columns } }: TableNode, name: string): Column {
  const column = columns.find((column) => column.name === name)
  if (column === undefined) throw new Error(`stats: ${table} has no column "${name}"`)
  return column
}

function cell(table: string, column: Column): string {
  return `${table}.${quoteIdentifier(column.name)}`
}

/** A column's value as text; of a reference the stable key, as readers know the row. */
function valueOf(node: TableNode, table: string, column: Column): { text: string; join: string } {
  const reference = node.references.find(({ columns }) => columns[0] === column)
  if (reference === undefined) return { text: textExpression(table, column), join: '' }
  const keys = reference.key.map((key) => textExpression('x', key)).join(', ')
  return {
    text: `nullif(pg_catalog.concat_ws(', ', ${keys}), '')`,
    join: `\n${joinReference(reference, table)}`,
  }
}

function joinReference({ table: referenced, columns, referencedColumns }: Reference, table: string): string {
  const on = columns.map((column, i) => `${cell('x', referencedColumns[i]!)} = ${cell(table, column)}`)
  return `LEFT JOIN ${quoteTable(referenced)} AS x ON ${on.join(' AND ')}`
}

function holds(table: string, column: Column, test: NonNullable<StatDeclaration['where']>[string]): string {
  const value = cell(table, column)
  if (test === null || typeof test !== 'object') return `${value} = ${literal(column, test)}`
  if (test.set !== undefined) return `${value} IS ${test.set ? 'NOT NULL' : 'NULL'}`
  if (test.in === undefined) return `${value} = ${literal(column, test.equals ?? null)}`
  return `${value} IN (${test.in.map((member) => literal(column, member)).join(', ')})`
}

function literal(column: Column, value: Value): string {
  const text = toText(value)
  return text === null ? 'NULL' : `${quoteLiteral(text)}::${column.type}`
}
