import { quoteIdentifier as quote, quoteTable } from '../source/identifiers.ts'
import type { Stage } from './stage.ts'

/** The statements by which many new rows are written and proven at once, instead of one by one. */

/** Nobody can give the tables a trigger, a rule or a constraint from now on to the end of the transaction. */
export function lockTables(stages: Stage[]): string {
  return `LOCK TABLE ${stages.map(({ node }) => quoteTable(node.table)).join(', ')} IN ROW EXCLUSIVE MODE`
}

/** What takes a stage's place where rows go straight into their table. */
export const viewName = ({ index }: Stage) => `pg_temp."holdfast_filled_${index}"`

/** Of a table that was empty: all its rows are created ones. */
export function createView(stage: Stage): string {
  return `CREATE TEMPORARY VIEW ${viewName(stage).replace('pg_temp.', '')} AS
    SELECT 'c'::pg_catalog."char" AS "holdfast:op", t.* FROM ${quoteTable(stage.node.table)} AS t`
}

export function dropViews(stages: Stage[]): string {
  return `DROP VIEW ${stages.map(viewName).join(', ')}`
}

/** A stage's table with the columns that are restored, for `copyRows`. */
export function tableWithColumns({ node, columns }: Stage): string {
  return `${quoteTable(node.table)} (${columns.map(({ name }) => quote(name)).join(', ')})`
}

export function areEmpty(stages: Stage[]): string {
  const rows = stages.map(({ node }) => `EXISTS (SELECT FROM ${quoteTable(node.table)})`)
  return `SELECT NOT (${rows.join(' OR ')}) AS empty`
}

/**
 * What the application's defaults and constraints call expects its own search path. Names of the system come first, as
 * they did when values were read: a `regclass` that says `pg_class` means no other.
 */
export const searchAsApplication = `SELECT pg_catalog.set_config('search_path', pg_catalog.concat_ws(', ', 'pg_catalog', nullif(reset_val, '')), true)
  FROM pg_catalog.pg_settings WHERE name = 'search_path'`

/** Whether the role may lock the tables with the oids `$1` that way; up to PostgreSQL 15 to insert is not enough for it. */
export const mayLockTables = `SELECT pg_catalog.bool_and(pg_catalog.has_table_privilege(oid, 'UPDATE')) AS may
  FROM pg_catalog.unnest($1::oid[]) AS oid`

/** A foreign key as `surveyTables` gives it: its columns, the quoted table it points at, and that one's columns. */
export interface BulkKey {
  name: string
  columns: string[]
  references: { schema: string; name: string }
  referencedColumns: string[]
  /** Whether `countPointers` says the same about it as PostgreSQL's own trigger would. */
  comparable: boolean
}

/** What stands on a table. */
export interface Standing {
  oid: number
  /** Rows are what an INSERT says: no trigger or rule of the application makes something else of them. */
  plain: boolean
  /** Of PostgreSQL's own triggers there are only those of foreign keys, and all of them are switched on. */
  ordinary: boolean
  keys: BulkKey[]
}

/**
 * What stands on the tables with the oids `$1`. `comparable` are plain foreign keys over integers and UUIDs, whose equality
 * is PostgreSQL's own, towards an ordinary table whose rows may be locked.
 */
export const surveyTables = `
  SELECT c.oid,
    c.relkind = 'r' AND NOT c.relispartition AND NOT c.relhasrules AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_trigger AS g WHERE g.tgrelid = c.oid AND NOT g.tgisinternal) AS plain,
    NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS g WHERE g.tgrelid = c.oid AND g.tgenabled <> 'O')
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS u
        WHERE u.conrelid = c.oid AND u.contype IN ('p', 'u', 'x') AND u.condeferrable) AS ordinary,
    COALESCE((SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
        'name', k.conname, 'columns', pairs.own, 'referencedColumns', pairs.other,
        'references', pg_catalog.json_build_object('schema', s.nspname, 'name', p.relname),
        'comparable', pairs.comparable AND k.confmatchtype = 's' AND p.relkind = 'r'
          AND COALESCE((pg_catalog.to_jsonb(k) ->> 'conenforced')::boolean, true)
          AND NOT COALESCE((pg_catalog.to_jsonb(k) ->> 'conperiod')::boolean, false)
          AND NOT pg_catalog.row_security_active(p.oid)
          AND pg_catalog.has_table_privilege(p.oid, 'SELECT') AND pg_catalog.has_table_privilege(p.oid, 'UPDATE')))
      FROM pg_catalog.pg_constraint AS k
        JOIN pg_catalog.pg_class AS p ON p.oid = k.confrelid
        JOIN pg_catalog.pg_namespace AS s ON s.oid = p.relnamespace
        CROSS JOIN LATERAL (
          SELECT pg_catalog.json_agg(a.attname ORDER BY n) AS own, pg_catalog.json_agg(b.attname ORDER BY n) AS other,
            pg_catalog.bool_and(a.atttypid = b.atttypid AND a.atttypid::regtype::text IN ('smallint', 'integer', 'bigint', 'uuid')) AS comparable
          FROM pg_catalog.generate_subscripts(k.conkey, 1) AS n
            JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[n]
            JOIN pg_catalog.pg_attribute AS b ON b.attrelid = k.confrelid AND b.attnum = k.confkey[n]) AS pairs
      WHERE k.conrelid = c.oid AND k.contype = 'f'), '[]') AS keys
  FROM pg_catalog.pg_class AS c WHERE c.oid = ANY ($1::oid[])`

/** Fails (42501) for a role that may not switch triggers off; by itself, outside a transaction, it changes nothing. */
export const trySwitchingOff = `SELECT pg_catalog.set_config('session_replication_role', 'replica', true)`

/** PostgreSQL's triggers for foreign keys, and none else are there, ask for each row by itself. */
export const switchTriggersOff = 'SET LOCAL session_replication_role = replica'
export const switchTriggersOn = 'SET LOCAL session_replication_role TO DEFAULT'

/**
 * How many different rows the created ones point at by a foreign key, and how many of those are there, locked as
 * PostgreSQL's own trigger locks them: until the end nobody can take them away.
 */
export function countPointers(stage: Stage, { columns, references, referencedColumns }: BulkKey): string {
  const pointers = columns.map((column) => `s.${quote(column)}`)
  const given = ['s."holdfast:op" = \'c\'', ...pointers.map((pointer) => `${pointer} IS NOT NULL`)].join(
    ' AND ',
  )
  const same = referencedColumns.map(
    (column, i) => `x.${quote(column)} OPERATOR(pg_catalog.=) ${pointers[i]!}`,
  )
  return `SELECT
    (SELECT pg_catalog.count(*) FROM (SELECT DISTINCT ${pointers.join(', ')} FROM ${stage.table} AS s WHERE ${given}) AS wanted)::int AS wanted,
    (SELECT pg_catalog.count(*) FROM (SELECT FROM ONLY ${quoteTable(references)} AS x
      WHERE EXISTS (SELECT FROM ${stage.table} AS s WHERE ${given} AND ${same.join(' AND ')}) FOR KEY SHARE OF x) AS locked)::int AS there`
}
