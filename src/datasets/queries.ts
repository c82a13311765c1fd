import type { Column } from '../source/catalog.ts'
import { quoteIdentifier, quoteTable } from '../source/identifiers.ts'
import { jsonExpression, textExpression } from '../source/values.ts'
import type { Dataset, RootNode, TableNode } from './definition.ts'

/** What narrows a list of records: conditions over the alias `t0`, with the values of their parameters from $1. */
export interface Narrowing {
  conditions: string[]
  values: unknown[]
}

/**
 * Where in the list a page starts, newest first: after a record with this date and key. Without `dates`, and among
 * records whose date is NULL, by key alone.
 */
export interface Position {
  date: string | null
  key: string[]
}

/**
 * A page of records, newest first where the dataset has `dates`, else by key, highest first.
 * @param part `dated` skips records whose date is NULL, `undated` is those; two queries, since one order for both
 *   would be served by no index
 */
export function recordsQuery(
  { root }: Dataset,
  part: 'dated' | 'undated',
  narrowing: Narrowing,
  after: Position | null,
  limit: number,
): { text: string; values: unknown[] } {
  const values = [...narrowing.values]
  const order = orderColumns(root, part)
  const conditions = [...narrowing.conditions, ...nullness(root, part)]
  if (after !== null) {
    const given = [...(order.length > root.key.length ? [after.date] : []), ...after.key]
    const bounds = order.map((column, i) => `$${values.push(given[i])}::${comparableType(column)}`)
    conditions.push(`(${order.map((column) => cell(column)).join(', ')}) < (${bounds.join(', ')})`)
  }
  const sorted = order.map((column) => `${cell(column)} DESC`).join(', ')
  return {
    text: `WITH t0 AS MATERIALIZED (
        SELECT t0.* FROM ${quoteTable(root.table)} AS t0${where(conditions)} ORDER BY ${sorted} LIMIT ${limit}
      )
      SELECT pg_catalog.row_to_json(r.*)::text AS line
      FROM t0${root.children.map(joinCount).join('')} CROSS JOIN LATERAL (SELECT ${recordColumns(root)}) AS r
      ORDER BY ${sorted}`,
    values,
  }
}

function orderColumns({ dates, key }: RootNode, part: 'dated' | 'undated'): Column[] {
  return dates === null || part === 'undated' || key.includes(dates) ? key : [dates, ...key]
}

function nullness({ dates }: RootNode, part: 'dated' | 'undated'): string[] {
  if (dates === null || dates.notNull) return []
  return [`${cell(dates)} IS ${part === 'dated' ? 'NOT NULL' : 'NULL'}`]
}

function where(conditions: string[]): string {
  return conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`
}

function cell(column: Column): string {
  return `t0.${quoteIdentifier(column.name)}`
}

/** A column's type without a length, to which a cast would cut the value. */
function comparableType({ type, baseType }: Column): string {
  return baseType.includes('.') ? type : `pg_catalog.${quoteIdentifier(baseType)}`
}

/** The key's columns as k0, k1, …, then what lists show. */
function recordColumns({ key, label, dates, protect, children }: RootNode): string {
  return [
    ...key.map((column, i) => `${jsonExpression('t0', column)} AS k${i}`),
    `${textExpression('t0', label)} AS label`,
    `${dates === null ? 'NULL' : `pg_catalog.to_json(${cell(dates)})`} AS date`,
    `${protect === null ? 'false' : `coalesce(${cell(protect)}, false)`} AS protected`,
    ...children.map((_, i) => `coalesce(n${i}.rows, 0) AS c${i}`),
  ].join(', ')
}

/** Rows of a child table for the records of the page: by the index on what points at the parent, or in one pass. */
function joinCount({ table, parent }: TableNode, i: number): string {
  const columns = parent!.columns.map((column) => `c.${quoteIdentifier(column.name)}`)
  const parents = parent!.parentColumns.map(cell)
  const named = columns.map((column, k) => `${column} AS p${k}`).join(', ')
  const pairs = parents.map((column, k) => `n${i}.p${k} = ${column}`).join(' AND ')
  return ` LEFT JOIN (
        SELECT ${named}, pg_catalog.count(*) AS rows FROM ${quoteTable(table)} AS c
        WHERE (${columns.join(', ')}) IN (SELECT ${parents.join(', ')} FROM t0) GROUP BY ${columns.join(', ')}
      ) AS n${i} ON ${pairs}`
}

/** How many records a narrowing leaves, by the planner's estimate: its cost doesn't grow with the table. */
export function estimateQuery(
  { root }: Dataset,
  { conditions, values }: Narrowing,
): { text: string; values: unknown[] } {
  return {
    text: `EXPLAIN (FORMAT JSON) SELECT FROM ${quoteTable(root.table)} AS t0${where(conditions)}`,
    values,
  }
}

/** How many records a narrowing leaves, counted. */
export function countQuery(
  { root }: Dataset,
  { conditions, values }: Narrowing,
): { text: string; values: unknown[] } {
  return {
    text: `SELECT pg_catalog.count(*) AS records FROM ${quoteTable(root.table)} AS t0${where(conditions)}`,
    values,
  }
}

/**
 * The condition that a record's label or key contains a text, whatever its case.
 * @param parameter such as `$1`: the text as `likePattern` makes it
 */
export function containsCondition({ root }: Dataset, parameter: string): string {
  const texts = [...new Set([root.label, ...root.key])].map((column) => textExpression('t0', column))
  // The database's own collation: one that holds different letters equal can't do ILIKE.
  return `(${texts.map((text) => `${text} COLLATE pg_catalog."default" ILIKE ${parameter}`).join(' OR ')})`
}
