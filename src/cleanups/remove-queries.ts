import type { TableNode } from '../datasets/definition.ts'
import type { Column, ForeignKey } from '../source/catalog.ts'
import { quoteIdentifier as quote, quoteTable } from '../source/identifiers.ts'
import { keyCondition, keyRows, type KeyValue } from '../source/keys.ts'
import { keyTag } from '../snapshots/capture-queries.ts'
import { identityOf, type Link } from './links.ts'

/** The statements of a chunk's transaction. Its rows are noted in temporary tables, by identity and record. */

/** Which rows of one table are to go. */
export interface Doomed {
  node: TableNode
  /** Quoted, schema and all. */
  table: string
  identity: Column[]
  /** What the temporary table has: the identity, and what children point at. */
  columns: Column[]
}

/** In the order of `tableNodes`: parents before children. */
export function doomedTables(nodes: TableNode[]): Doomed[] {
  return nodes.map((node, i) => {
    const identity = identityOf(node)
    const pointedAt = nodes.flatMap((other) =>
      other.parent?.node === node ? other.parent.parentColumns : [],
    )
    const table = `pg_temp.${quote(`holdfast_doomed_${i}`)}`
    return { node, table, identity, columns: [...new Set([...identity, ...pointedAt])] }
  })
}

/** They last as long as the transaction. */
export function createDoomed({ table, columns }: Doomed): string {
  const own = columns.map((column) => `${quote(column.name)} ${column.type}`)
  return `CREATE TEMPORARY TABLE ${table.replace('pg_temp.', '')} ("holdfast:record" integer, ${own.join(', ')}) ON COMMIT DROP`
}

const same = (left: string, right: string, columns: Column[]) =>
  columns.map(({ name }) => `${left}.${quote(name)} = ${right}.${quote(name)}`).join(' AND ')

const list = (alias: string, columns: Column[]) => columns.map(({ name }) => `${alias}.${quote(name)}`)

const names = ({ columns }: Doomed) =>
  ['"holdfast:record"', ...columns.map(({ name }) => quote(name))].join(', ')

/**
 * Locks the roots of records and notes them, numbered as the keys are. One that a transaction is using is passed over:
 * who doesn't wait can neither hold others up nor run into a deadlock.
 */
export function lockRoots(root: Doomed, keys: KeyValue[][]): string {
  const { key, table } = root.node
  const on = key.map(({ name }, i) => `t.${quote(name)} = k.k${i}`)
  return `INSERT INTO ${root.table} (${names(root)})
    SELECT k.n, ${list('t', root.columns).join(', ')} FROM ${keyRows(key, keys)} JOIN ${quoteTable(table)} AS t ON ${on.join(' AND ')}
    ORDER BY k.n FOR UPDATE OF t SKIP LOCKED`
}

/** The same for the rows below those that are noted. */
export function lockChildren(doomed: Doomed, parent: Doomed): string {
  const { columns, parentColumns } = doomed.node.parent!
  const on = columns.map(({ name }, i) => `t.${quote(name)} = p.${quote(parentColumns[i]!.name)}`)
  return `INSERT INTO ${doomed.table} (${names(doomed)})
    SELECT p."holdfast:record", ${list('t', doomed.columns).join(', ')} FROM ${parent.table} AS p
      JOIN ${quoteTable(doomed.node.table)} AS t ON ${on.join(' AND ')}
    ORDER BY p."holdfast:record", ${list('t', doomed.identity).join(', ')} FOR UPDATE OF t SKIP LOCKED`
}

/** Which of some records are there at all. */
export function presentKeys({ table, key }: TableNode, keys: KeyValue[][]): string {
  return `SELECT ${keyTag('t0', key)} AS tag FROM ${quoteTable(table)} AS t0 WHERE ${keyCondition('t0', key, keys)}`
}

/** How many rows are noted of each record. */
export function countByRecord({ table }: Doomed): string {
  return `SELECT "holdfast:record" AS record, pg_catalog.count(*)::int AS rows FROM ${table} GROUP BY "holdfast:record"`
}

/** Which of the noted records are protected. */
export function protectedRecords(root: Doomed, protect: Column): string {
  return `SELECT s."holdfast:record" AS record FROM ${root.table} AS s JOIN ${quoteTable(root.node.table)} AS t ON ${same('t', 's', root.identity)}
    WHERE t.${quote(protect.name)} IS TRUE`
}

/** Takes records back. $1: their numbers, int[] */
export function spareRecords({ table }: Doomed): string {
  return `DELETE FROM ${table} WHERE "holdfast:record" = ANY ($1::int[])`
}

/** Noted rows that others point at which stay. */
export function pointedAt({ key, place }: Link, all: Doomed[], holders: Doomed[]): string {
  const target = all.find(({ node }) => node === place.node)!
  const gone = holders.map(
    (holder) => `NOT EXISTS (SELECT FROM ${holder.table} AS h WHERE ${same('h', 'o', holder.identity)})`,
  )
  const { on, from } = pointing(target, key)
  return `SELECT s."holdfast:record" AS record, pg_catalog.count(*)::int AS rows
    FROM ${from} JOIN ${quoteTable(key.table)} AS o ON ${on}
    ${gone.length > 0 ? `WHERE ${gone.join(' AND ')}` : ''} GROUP BY s."holdfast:record"`
}

/** A key may point at columns that the temporary table hasn't: then at the row itself. */
function pointing(target: Doomed, key: ForeignKey): { on: string; from: string } {
  const noted = key.referencedColumns.every((name) => target.columns.some((column) => column.name === name))
  const alias = noted ? 's' : 't'
  const on = key.columns.map((name, i) => `o.${quote(name)} = ${alias}.${quote(key.referencedColumns[i]!)}`)
  const row = `JOIN ${quoteTable(target.node.table)} AS t ON ${same('t', 's', target.identity)}`
  return { on: on.join(' AND '), from: `${target.table} AS s ${noted ? '' : row}` }
}

/** Columns of a key within the dataset that may be empty for a moment, so that rows can go that point at each other. */
export function looseColumns({ node, identity }: Doomed, key: ForeignKey): Column[] {
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
export function detach(holder: Doomed, columns: Column[]): string {
  const empty = columns.map(({ name }) => `${quote(name)} = NULL`)
  const some = columns.map(({ name }) => `t.${quote(name)} IS NOT NULL`)
  return `UPDATE ${quoteTable(holder.node.table)} AS t SET ${empty.join(', ')} FROM ${holder.table} AS s
    WHERE ${same('t', 's', holder.identity)} AND (${some.join(' OR ')})`
}

export function deleteDoomed({ node, table, identity }: Doomed): string {
  return `DELETE FROM ${quoteTable(node.table)} AS t USING ${table} AS s WHERE ${same('t', 's', identity)}`
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
