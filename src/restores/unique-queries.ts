import type { Column } from '../source/catalog.ts'
import { quoteIdentifier as quote, quoteTable } from '../source/identifiers.ts'
import { equal, isPending, keyOfTable, names } from './resolve-queries.ts'
import type { Stage } from './stage.ts'
import { updatedColumns } from './write-queries.ts'

/** The statements that find values which a table's unique keys and exclusion constraints allow no two rows to have. */

/** A unique index or an exclusion constraint, as `listUnique` gives it. */
export interface UniqueKey {
  /** Oid of its table. */
  table: number
  name: string
  /** What it compares: names for people, expressions over columns without a qualifier, and the operator that says `equal`
   * or, of an exclusion constraint, `in conflict`; null: none that is known. */
  parts: { label: string; sql: string; operator: string | null }[]
  /** Of a partial one: which rows it is about. */
  predicate: string | null
  nullsDistinct: boolean
  exclusion: boolean
  /** The columns that parts and predicate need. */
  columns: string[]
  /** Those of them that are parts by themselves. */
  plain: string[]
}

/** The unique keys of the tables with the oids `$1` as they are now: the columns of expressions are their dependencies. */
export const listUnique = `
  SELECT i.indrelid::int8::float8 AS table, c.relname AS name, i.indisexclusion AS exclusion,
    pg_catalog.pg_get_expr(i.indpred, i.indrelid) AS predicate,
    (pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct') IS DISTINCT FROM 'true' AS "nullsDistinct",
    parts.parts, parts.plain, ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute AS a
      WHERE a.attrelid = i.indrelid AND (a.attname = ANY (parts.plain)
        OR (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL) AND EXISTS (SELECT FROM pg_catalog.pg_depend AS d
          WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid AND d.refclassid = 'pg_class'::regclass
            AND d.refobjid = i.indrelid AND d.refobjsubid = a.attnum))
      ORDER BY a.attnum) AS columns
  FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
    LEFT JOIN pg_catalog.pg_constraint AS k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u', 'x')
    CROSS JOIN LATERAL (
      SELECT COALESCE(pg_catalog.array_agg(a.attname::text) FILTER (WHERE a.attname IS NOT NULL), '{}') AS plain,
        pg_catalog.json_agg(pg_catalog.json_build_object(
          'label', COALESCE(a.attname::text, pg_catalog.pg_get_indexdef(i.indexrelid, n, false)),
          'operator', 'OPERATOR(' || pg_catalog.quote_ident(s.nspname) || '.' || o.oprname || ')',
          'sql', pg_catalog.format('(%s)', pg_catalog.pg_get_indexdef(i.indexrelid, n, false))
            || CASE WHEN l.oid IS NULL THEN '' ELSE pg_catalog.format(' COLLATE %I.%I', ls.nspname, l.collname) END) ORDER BY n) AS parts
      FROM pg_catalog.generate_series(1, i.indnkeyatts) AS n
        LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[n - 1] AND a.attnum > 0
        LEFT JOIN pg_catalog.pg_collation AS l ON l.oid = i.indcollation[n - 1]
        LEFT JOIN pg_catalog.pg_namespace AS ls ON ls.oid = l.collnamespace
        LEFT JOIN pg_catalog.pg_operator AS o ON o.oid = COALESCE(k.conexclop[n], (
          SELECT m.amopopr FROM pg_catalog.pg_opclass AS p JOIN pg_catalog.pg_amop AS m ON m.amopfamily = p.opcfamily
              AND m.amoplefttype = p.opcintype AND m.amoprighttype = p.opcintype AND m.amopstrategy = 3
            WHERE p.oid = i.indclass[n - 1]))
        LEFT JOIN pg_catalog.pg_namespace AS s ON s.oid = o.oprnamespace) AS parts
  WHERE i.indrelid = ANY ($1::oid[]) AND (i.indisunique OR i.indisexclusion) AND i.indisvalid
  ORDER BY i.indrelid, i.indexrelid`

/** A part of a key, beside the columns of the dataset, none of which has such a name. */
const part = (n: number) => quote(`holdfast:k${n}`)

/**
 * Lists staged rows that would have what a row that stays as it is has, by one of the table's unique keys.
 * $1: how many at most
 */
export function listTaken(stage: Stage, key: UniqueKey): string {
  const identity = stage.identity.map((_, i) => `x.${quote(`holdfast:i${i}`)}`)
  return list(key, keyed(key, standing(stage)), staged(stage, key), 'true', printed(identity))
}

/** The same of two staged rows: a key may be newer than the artifact. */
export function listDouble(stage: Stage, key: UniqueKey): string {
  const rows = staged(stage, key)
  return list(key, rows, rows, 'x."holdfast:no" < f."holdfast:no"', 'NULL::pg_catalog.text[]')
}

function list(key: UniqueKey, holders: string, rows: string, further: string, holder: string): string {
  const parts = key.parts.map((_, n) => part(n))
  return `SELECT f."holdfast:record"::int AS record, ${printed(parts.map((name) => `f.${name}`))} AS "values", ${holder} AS holder
    FROM ${rows} AS f JOIN ${holders} AS x ON ${further} AND ${collide(key)}
    ORDER BY f."holdfast:no", 3 LIMIT $1`
}

/** As text of a bearable length. */
function printed(values: string[]): string {
  return `ARRAY[${values.map((value) => `pg_catalog.left(pg_catalog.format('%s', ${value}), 100)`).join(', ')}]::pg_catalog.text[]`
}

function collide({ parts, nullsDistinct }: UniqueKey): string {
  const conditions = parts.map(({ operator }, n) => {
    const [a, b] = [`f.${part(n)}`, `x.${part(n)}`]
    const same = `${a} ${operator!} ${b}`
    return nullsDistinct ? same : `(${same} OR (${a} IS NULL AND ${b} IS NULL))`
  })
  return conditions.join(' AND ')
}

/** The rows of some FROM item, which has to be the only one, that a key is about, with its parts. */
function keyed({ parts, predicate }: UniqueKey, { from, where, columns }: Rows): string {
  const all = parts.map(({ sql }, n) => `${sql} AS ${part(n)}`)
  const conditions = [...where, ...(predicate === null ? [] : [`(${predicate})`])]
  return `(SELECT ${[...columns, ...all].join(', ')} FROM ${from} WHERE ${conditions.join(' AND ')})`
}

interface Rows {
  from: string
  where: string[]
  columns: string[]
}

/** Rows that are neither changed nor deleted; one that belongs to another record now is a matter of its own. */
function standing(stage: Stage): Rows {
  const { table, identity } = stage
  const elsewhere = keyOfTable(stage)
  const among = (operations: string, columns: Column[]) =>
    `NOT EXISTS (SELECT FROM ${table} AS h WHERE h."holdfast:op" IN (${operations}) AND ${equal('h', names(columns), 't', names(columns))})`
  return {
    from: `${quoteTable(stage.node.table)} AS t`,
    where: [among(`'u', 'd'`, identity), ...(elsewhere === null ? [] : [among(`'c'`, elsewhere)])],
    columns: identity.map((column, i) => `t.${quote(column.name)} AS ${quote(`holdfast:i${i}`)}`),
  }
}

/** Rows to create or change with a key's parts as they will be. Those that get a part only when they are written are left out. */
function staged(stage: Stage, key: UniqueKey): string {
  const columns = columnsOf(stage, key)
  const same = equal('t', names(stage.identity), 's', names(stage.identity))
  const kept = columns.some((column) => !isStaged(stage, column))
  const live = kept
    ? ` LEFT JOIN ${quoteTable(stage.node.table)} AS t ON s."holdfast:op" = 'u' AND ${same}`
    : ''
  const values = columns.map((column) => `${valueOf(stage, column)} AS ${quote(column.name)}`)
  const known = columns.flatMap((column) => whenKnown(stage, column))
  const rows = `SELECT ${['s."holdfast:no"', 's."holdfast:record"', ...values].join(', ')}
    FROM ${stage.table} AS s${live} WHERE ${[`s."holdfast:op" IN ('c', 'u')`, ...known].join(' AND ')}`
  return keyed(key, {
    from: `(${rows}) AS s`,
    where: ['true'],
    columns: ['s."holdfast:no"', 's."holdfast:record"'],
  })
}

const columnsOf = ({ node }: Stage, { columns }: UniqueKey) =>
  node.table.columns.filter(({ name }) => columns.includes(name))

/** Whether the stage has the value that the column will have, in rows to create and to change alike. */
function isStaged(stage: Stage, column: Column): boolean {
  const told = [...updatedColumns(stage), ...stage.identity, ...(stage.node.parent?.columns ?? [])]
  return stage.columns.includes(column) && told.includes(column)
}

function valueOf(stage: Stage, column: Column): string {
  const name = quote(column.name)
  if (isStaged(stage, column)) return `s.${name}`
  const created = stage.columns.includes(column) ? `s.${name}` : (column.default ?? 'NULL')
  return `CASE WHEN s."holdfast:op" = 'u' THEN t.${name} ELSE ${created} END`
}

/** Values that a row to create gets later: new internal ids, what points at such, and defaults that are more than a constant. */
function whenKnown(stage: Stage, column: Column): string[] {
  const { node, columns } = stage
  const isConstant = column.default === null || !column.default.includes('(')
  if (node.internal.includes(column) || (!columns.includes(column) && !isConstant))
    return [`s."holdfast:op" = 'u'`]
  const pending = node.references.flatMap((reference, r) =>
    reference.columns.includes(column) ? [`(${isPending(stage, r)}) IS NOT TRUE`] : [],
  )
  return node.parent?.columns.includes(column) ? [...pending, `s.${quote(column.name)} IS NOT NULL`] : pending
}
