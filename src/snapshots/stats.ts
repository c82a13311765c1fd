import type pg from 'pg'
import type { Dataset, Reference, Stat, StatCondition, TableNode } from '../datasets/definition.ts'
import type { Column } from '../source/catalog.ts'
import { quoteIdentifier, quoteLiteral, quoteTable } from '../source/identifiers.ts'
import { textExpression } from '../source/values.ts'
import { joinChain, type Condition } from './capture-queries.ts'

export type Figure = number | string

/**
 * Asks for the figures that a dataset declares, over the records of a scope.
 * @param client a connection that sees the instant of the snapshot
 * @returns each figure by its name; with `by`, figures by that column's values, where `(none)` stands for NULL. A number
 *   that JSON would not keep exactly is a string
 */
export async function readStats(
  client: pg.ClientBase,
  { stats }: Dataset,
  condition: Condition,
): Promise<Record<string, Figure | Record<string, Figure>>> {
  const figures: Record<string, Figure | Record<string, Figure>> = {}
  for (const stat of stats) {
    const { rows } = await client.query<[string, string]>({
      text: statQuery(stat, condition),
      rowMode: 'array',
    })
    const found = rows.map(([value, figure]) => [value, exact(figure)] as const)
    figures[stat.name] = stat.by === null ? (found[0]?.[1] ?? 0) : Object.fromEntries(found)
  }
  return figures
}

function exact(text: string): Figure {
  return String(Number(text)) === text ? Number(text) : text
}

/** Two columns: the value that the figure is for, and the figure. */
function statQuery({ node, column, where, by }: Stat, condition: Condition): string {
  const chain = chainOf(node)
  const table = `t${chain.length - 1}`
  const figure =
    column === null ? 'pg_catalog.count(*)' : `coalesce(pg_catalog.sum(${cell(table, column)}), 0)`
  const group = by === null ? null : valueOf(node, table, by)
  const conditions = [
    ...(condition === null ? [] : [`(${condition})`]),
    ...where.map((test) => holds(table, test)),
  ]
  return [
    `SELECT ${group === null ? "''" : `coalesce(${group.text}, '(none)')`}, (${figure})::text`,
    `FROM ${joinChain(chain)}${group?.join ?? ''}`,
    ...(conditions.length === 0 ? [] : [`WHERE ${conditions.join(' AND ')}`]),
    ...(group === null ? [] : ['GROUP BY 1 ORDER BY 1']),
  ].join('\n')
}

function chainOf(node: TableNode): TableNode[] {
  return node.parent === null ? [node] : [...chainOf(node.parent.node), node]
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

function holds(table: string, { column, is }: StatCondition): string {
  if (typeof is === 'boolean') return `${cell(table, column)} IS ${is ? 'NOT NULL' : 'NULL'}`
  return `${textExpression(table, column)} IN (${is.map(quoteLiteral).join(', ')})`
}
