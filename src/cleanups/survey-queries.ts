import type { Dataset } from '../datasets/definition.ts'
import type { Column } from '../source/catalog.ts'
import { quoteIdentifier as quote, quoteLiteral, quoteTable } from '../source/identifiers.ts'
import { keyCondition, keyExpression, type KeyValue } from '../source/keys.ts'
import { joinChain, keyTag, type Condition } from '../snapshots/capture-queries.ts'
import { identityOf, type Link, type Place } from './links.ts'

/** Alias of a place's own rows in its chain's joins. */
const own = ({ chain }: Place) => `t${chain.length - 1}`

const where = (...conditions: (string | null)[]) => {
  const given = conditions.filter((condition) => condition !== null)
  return given.length === 0 ? '' : `WHERE ${given.map((condition) => `(${condition})`).join(' AND ')}`
}

/** Records that are left alone although the scope selects them, and why: columns of each line. */
export const exclusionFields = 3

/**
 * The records of a scope that a cleanup leaves alone, in key order, a line for each reason: the key as a JSON array, the
 * reason (`P` protected, `H` held, `R0`, `R1` … pointed at by the link of that number) and how many rows point.
 * @param held keys of held records
 */
export function exclusionsQuery(
  { root }: Dataset,
  condition: Condition,
  held: KeyValue[][],
  links: Link[],
): string {
  const key = root.key.map((column, i) => `${keyExpression('t0', column)} AS k${i}`).join(', ')
  const columns = (reason: string, rows: string) =>
    `${keyTag('t0', root.key)} AS tag, ${key}, ${quoteLiteral(reason)}::text AS reason, ${rows}::int8 AS n`
  const table = `${quoteTable(root.table)} AS t0`
  const branches = links.map((link, i) =>
    referenced(root.key, condition, link, columns(`R${i}`, 'pg_catalog.count(*)')),
  )
  if (root.protect !== null)
    branches.push(
      `SELECT ${columns('P', '1')} FROM ${table} ${where(condition, `t0.${quote(root.protect.name)} IS TRUE`)}`,
    )
  if (held.length > 0)
    branches.push(
      `SELECT ${columns('H', '1')} FROM ${table} ${where(condition, keyCondition('t0', root.key, held))}`,
    )
  if (branches.length === 0) branches.push(`SELECT ${columns('P', '1')} FROM ${table} WHERE false`)
  const order = root.key.map(({ keyOrder }, i) => `k${i}${keyOrder === 'text' ? ' COLLATE "C"' : ''}`)
  return `SELECT tag, reason, n::text FROM (${branches.join('\nUNION ALL\n')}) AS r ORDER BY ${[...order, 'reason'].join(', ')}`
}

/** Rows of the scope that others point at which are not of the scope themselves. */
function referenced(
  rootKey: Column[],
  condition: Condition,
  { place, key, holders }: Link,
  columns: string,
): string {
  const points = key.columns.map(
    (name, i) => `o.${quote(name)} = ${own(place)}.${quote(key.referencedColumns[i]!)}`,
  )
  const outside = holders.map((holder) => {
    const same = identityOf(holder.node).map(({ name }) => `${own(holder)}.${quote(name)} = o.${quote(name)}`)
    return `NOT EXISTS (SELECT FROM ${joinChain(holder.chain)} ${where(condition, ...same)})`
  })
  return `SELECT ${columns} FROM ${joinChain(place.chain)}
    JOIN ${quoteTable(key.table)} AS o ON ${points.join(' AND ')}
    ${where(condition, ...outside)}
    GROUP BY ${rootKey.map(({ name }) => `t0.${quote(name)}`).join(', ')}`
}

export interface DeleteTrigger {
  table: string
  trigger: string
}

/** The application's own triggers that fire when rows of some tables are deleted or truncated. $1: their oids */
export const deleteTriggers = `
  SELECT pg_catalog.format('%s.%s', n.nspname, c.relname) AS table, t.tgname AS trigger
    FROM pg_catalog.pg_trigger AS t
    JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
   WHERE t.tgrelid = ANY ($1::oid[]) AND NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgtype & 8 <> 0
   ORDER BY 1, 2`

/** How many records the dataset has in all. */
export function countRecords({ root }: Dataset): string {
  return `SELECT pg_catalog.count(*)::float8 AS records FROM ${quoteTable(root.table)}`
}
