import type { TableNode } from '../datasets/definition.ts'
import type { Column, ForeignKey } from '../source/catalog.ts'
import { quoteIdentifier as quote, quoteTable } from '../source/identifiers.ts'
import { keyCondition, type KeyValue } from '../source/keys.ts'
import { alias, joinChain, keyTag } from '../snapshots/capture-queries.ts'
import { identityOf, type Link, type Place } from './links.ts'

/** The statements of a chunk's transaction. Which records they are about is a condition over their roots, `t0`. */

const depthOf = ({ chain }: Place) => chain.length - 1

/** Which of some records are there at all. */
export function presentKeys({ table, key }: TableNode, keys: KeyValue[][]): string {
  return `SELECT ${keyTag('t0', key)} AS tag FROM ${quoteTable(table)} AS t0 WHERE ${keyCondition('t0', key, keys)}`
}

/** Which records point at the records by a link, and by how many rows. A row without a record has none: null. */
export function recordsPointing({ key }: TableNode, link: Link, condition: string): string {
  const tag = keyTag('t0', key)
  const points = link.key.columns.map(
    (name, i) => `o.${quote(name)} = ${alias(depthOf(link.place))}.${quote(link.key.referencedColumns[i]!)}`,
  )
  const holders = link.holders.map((holder) => {
    const its = identityOf(holder.node).map(
      ({ name }) => `${alias(depthOf(holder))}.${quote(name)} = o.${quote(name)}`,
    )
    return `(SELECT ${tag} FROM ${joinChain(holder.chain)} WHERE ${its.join(' AND ')})`
  })
  return `SELECT ${tag} AS target, COALESCE(${holders.join(', ')}) AS holder, pg_catalog.count(*)::int AS n
    FROM ${joinChain(link.place.chain)} JOIN ${quoteTable(link.key.table)} AS o ON ${points.join(' AND ')}
    WHERE ${condition} GROUP BY 1, 2`
}

/**
 * Whether deleting rows of some tables runs none of the application's triggers and rules, and all of those that foreign
 * keys stand on. $1: their oids
 */
export const deletesPlainly = `
  SELECT NOT EXISTS (
    SELECT FROM pg_catalog.pg_trigger AS t
     WHERE (t.tgrelid = ANY ($1::oid[]) OR t.tgrelid IN (
             SELECT p.relid FROM pg_catalog.unnest($1::oid[]) AS o (oid), pg_catalog.pg_partition_tree(o.oid) AS p))
       AND CASE WHEN t.tgisinternal THEN t.tgenabled <> 'O' ELSE t.tgenabled <> 'D' AND t.tgtype & 8 <> 0 END
  ) AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_rewrite AS r WHERE r.ev_class = ANY ($1::oid[]) AND r.ev_type = '4') AS plainly`

/** Deletes the rows of a place that belong to the records. */
export function deletePlace(place: Place, condition: string): string {
  const { node, chain } = place
  const depth = depthOf(place)
  const own = `${quoteTable(node.table)} AS ${alias(depth)}`
  if (node.parent === null) return `DELETE FROM ${own} WHERE ${condition}`
  const { columns, parentColumns } = node.parent
  const on = columns.map(
    ({ name }, i) => `${alias(depth)}.${quote(name)} = ${alias(depth - 1)}.${quote(parentColumns[i]!.name)}`,
  )
  return `DELETE FROM ${own} USING ${joinChain(chain.slice(0, -1))} WHERE ${on.join(' AND ')} AND ${condition}`
}

/** Rows of a place, by identity, in a temporary table that lasts as long as the transaction. */
export interface Noted {
  place: Place
  /** Quoted, schema and all. */
  table: string
  identity: Column[]
}

export function notedRows(place: Place, number: number): Noted {
  const table = `pg_temp.${quote(`holdfast_noted_${number}`)}`
  return { place, table, identity: identityOf(place.node) }
}

export function createNoted({ table, identity }: Noted): string {
  const columns = identity.map(({ name, type }) => `${quote(name)} ${type}`)
  return `CREATE TEMPORARY TABLE ${table.replace('pg_temp.', '')} (${columns.join(', ')}) ON COMMIT DROP`
}

/** Notes the rows of a place that belong to the records. */
export function noteRows({ place, table, identity }: Noted, condition: string): string {
  const columns = identity.map(({ name }) => `${alias(depthOf(place))}.${quote(name)}`)
  return `INSERT INTO ${table} SELECT ${columns.join(', ')} FROM ${joinChain(place.chain)} WHERE ${condition}`
}

const same = ({ identity }: Noted) =>
  identity.map(({ name }) => `t.${quote(name)} = s.${quote(name)}`).join(' AND ')

/** Columns of a key within the dataset that may be empty for a moment, so that rows can go that point at each other. */
export function looseColumns({ place: { node }, identity }: Noted, key: ForeignKey): Column[] {
  const parent = node.parent?.columns ?? []
  return node.table.columns.filter(
    (column) =>
      key.columns.includes(column.name) &&
      !column.notNull &&
      !column.generated &&
      !parent.includes(column) &&
      !identity.includes(column),
  )
}

/** Lets go of noted rows that are about to be deleted. @param columns of the key that can be emptied */
export function detach(noted: Noted, columns: Column[]): string {
  const empty = columns.map(({ name }) => `${quote(name)} = NULL`)
  const some = columns.map(({ name }) => `t.${quote(name)} IS NOT NULL`)
  return `UPDATE ${quoteTable(noted.place.node.table)} AS t SET ${empty.join(', ')} FROM ${noted.table} AS s
    WHERE ${same(noted)} AND (${some.join(' OR ')})`
}

export function deleteNoted(noted: Noted): string {
  return `DELETE FROM ${quoteTable(noted.place.node.table)} AS t USING ${noted.table} AS s WHERE ${same(noted)}`
}

/**
 * Rows that this session has deleted so far, by table, partitions added up. Between two looks inside one transaction only
 * what that transaction did is added.
 * https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-STATS-VIEWS
 */
export const deletedSoFar = `
  SELECT COALESCE(pg_catalog.pg_partition_root(s.relid), s.relid)::int8::float8 AS relation,
         pg_catalog.sum(s.n_tup_del)::float8 AS deleted
    FROM pg_catalog.pg_stat_xact_all_tables AS s
   WHERE s.n_tup_del > 0 AND s.schemaname !~ '^pg_' GROUP BY 1`

/** Tables of the application that this transaction has locked as TRUNCATE does, and whether deletes are counted at all. */
export const emptiedTables = `
  SELECT pg_catalog.current_setting('track_counts')::boolean AS counted, ARRAY(
    SELECT pg_catalog.format('%s.%s', n.nspname, c.relname) FROM pg_catalog.pg_locks AS l
      JOIN pg_catalog.pg_class AS c ON c.oid = l.relation
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE l.pid = pg_catalog.pg_backend_pid() AND l.mode = 'AccessExclusiveLock' AND c.relkind IN ('r', 'p')
       AND n.nspname !~ '^pg_') AS emptied`

export const nameOfTable = `SELECT $1::float8::int8::oid::regclass::text AS name`
