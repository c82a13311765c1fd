import type { Column, ForeignKey } from '../source/catalog.ts'
import { quoteIdentifier as quote, quoteTable } from '../source/identifiers.ts'
import type { Stage } from './stage.ts'

/** The statements that lock, change and prove. Each takes its rows from a stage. */

const target = (stage: Stage) => quoteTable(stage.node.table)

const sameRow = (stage: Stage) =>
  stage.identity.map((column) => `t.${quote(column.name)} = s.${quote(column.name)}`).join(' AND ')

/** Locks what is to be changed, in a fixed order. Under repeatable read it fails when a row has changed since. */
export function lockRows(stage: Stage): string {
  const order = stage.identity.map((column) => `t.${quote(column.name)}`).join(', ')
  return `SELECT pg_catalog.count(*)::int AS rows FROM (SELECT FROM ${target(stage)} AS t JOIN ${stage.table} AS s ON ${sameRow(stage)}
    WHERE s."holdfast:op" IN ('u', 'd') ORDER BY ${order} FOR UPDATE OF t) AS locked`
}

/** Columns of a foreign key that may be empty for a moment, while rows of both sides are deleted or created. */
export function looseColumns(stage: Stage, key: ForeignKey): Column[] {
  const parent = stage.node.parent?.columns ?? []
  const columns = key.columns.map((name) => stage.columns.find((column) => column.name === name))
  const loose = columns.filter(
    (column) =>
      column !== undefined && !column.notNull && !parent.includes(column) && !stage.identity.includes(column),
  )
  return loose as Column[]
}

/** Lets go of rows that are to be deleted, before they are. */
export function detach(stage: Stage, key: ForeignKey, doomed: Stage): string {
  const columns = looseColumns(stage, key)
  const points = key.columns.map((name, i) => `t.${quote(name)} = d.${quote(key.referencedColumns[i]!)}`)
  return `UPDATE ${target(stage)} AS t SET ${columns.map((column) => `${quote(column.name)} = NULL`).join(', ')}
    FROM ${stage.table} AS s, ${doomed.table} AS d
    WHERE s."holdfast:op" IN ('u', 'd') AND ${sameRow(stage)} AND d."holdfast:op" = 'd' AND ${points.join(' AND ')}`
}

export function deleteRows(stage: Stage): string {
  return `DELETE FROM ${target(stage)} AS t USING ${stage.table} AS s WHERE s."holdfast:op" = 'd' AND ${sameRow(stage)}`
}

/**
 * @param late columns that are filled in afterwards, when all rows are there
 * @param inOrder in the artifact's, which triggers may go by; sorting takes a third of the time of writing
 */
export function insertRows(stage: Stage, late: Set<Column>, inOrder: boolean): string {
  const columns = stage.columns.filter((column) => !late.has(column)).map((column) => quote(column.name))
  return `INSERT INTO ${target(stage)} (${columns.join(', ')}) OVERRIDING SYSTEM VALUE
    SELECT ${columns.map((column) => `s.${column}`).join(', ')} FROM ${stage.table} AS s
    WHERE s."holdfast:op" = 'c'${inOrder ? ' ORDER BY s."holdfast:no"' : ''}`
}

/** Columns that an update sets: what the artifact brings, but for keys and what PostgreSQL won't have set. */
export function updatedColumns(stage: Stage): Column[] {
  const parent = stage.node.parent?.columns ?? []
  return stage.restored.filter(
    (column) => !stage.identity.includes(column) && !parent.includes(column) && column.identity !== 'always',
  )
}

/** @param rows which of the staged rows: 'u' all that they have, 'c' the late columns of what was created */
export function updateRows(stage: Stage, columns: Column[], rows: 'u' | 'c'): string {
  const set = columns.map((column) => `${quote(column.name)} = s.${quote(column.name)}`)
  return `UPDATE ${target(stage)} AS t SET ${set.join(', ')} FROM ${stage.table} AS s
    WHERE s."holdfast:op" = '${rows}' AND ${sameRow(stage)}`
}

/**
 * Parks rows whose unique values are about to change hands, so that no order of updates can collide: the columns are
 * emptied for a moment.
 */
export function parkRows(stage: Stage, columns: Column[]): string {
  const changes = columns.map(
    (column) => `t.${quote(column.name)}::text IS DISTINCT FROM s.${quote(column.name)}::text`,
  )
  return `UPDATE ${target(stage)} AS t SET ${columns.map((column) => `${quote(column.name)} = ${parked(column)}`).join(', ')}
    FROM ${stage.table} AS s WHERE s."holdfast:op" = 'u' AND ${sameRow(stage)} AND (${changes.join(' OR ')})`
}

/** NULLs never collide; of what can't be NULL some that nobody uses, at the far end, which most CHECKs allow. */
function parked(column: Column): string {
  return column.notNull ? farValues[column.baseType]! : 'NULL'
}

const farText = `'holdfast-' || s."holdfast:no"`

const farValues: Record<string, string> = {
  int2: '(32767 - s."holdfast:no")::smallint',
  int4: '2147483647 - s."holdfast:no"',
  int8: '2147483647 - s."holdfast:no"',
  text: farText,
  varchar: farText,
  bytea: `pg_catalog.convert_to(${farText}, 'UTF8')`,
  uuid: `pg_catalog.md5(${farText})::uuid`,
  date: `date '5874897-12-31' - s."holdfast:no"::integer`,
  timestamp: `timestamp '294276-12-31' - s."holdfast:no" * interval '1 second'`,
  timestamptz: `timestamptz '294276-12-31+00' - s."holdfast:no" * interval '1 second'`,
}

/**
 * Unique values that can be parked: of each unique key without row identity the first column that allows it. What points
 * at another row can only be emptied.
 */
export function parkable(stage: Stage): Column[] {
  const { uniqueKeys, foreignKeys, referencedBy } = stage.node.table
  const pointedAt = referencedBy.flatMap(({ referencedColumns }) => referencedColumns)
  // A key is what rows are told apart by, so it doesn't change; and what others point at mustn't, for a moment even.
  const updated = updatedColumns(stage).filter(
    (column) => !stage.node.key.includes(column) && !pointedAt.includes(column.name),
  )
  const chosen = uniqueKeys.map((key) => {
    const candidates = updated.filter((column) => key.includes(column.name))
    return (
      candidates.find((column) => !column.notNull) ??
      candidates.find(
        ({ name, baseType }) =>
          Object.hasOwn(farValues, baseType) && !foreignKeys.some(({ columns }) => columns.includes(name)),
      )
    )
  })
  return [...new Set(chosen.filter((column) => column !== undefined))]
}

/** Of the rows that should be there: how many they are, how many are there, how many exactly as staged. */
export interface Present {
  wanted: number
  present: number
  exact: number
}

/**
 * Rows that are now exactly as staged, and all that should be. Equal images of two rows are equal values; those that
 * differ (an array with and without a bitmap of its NULLs) may still have the same text, which is what counts.
 */
export function proveRows(stage: Stage): string {
  const columns = stage.restored.map((column) => quote(column.name))
  const row = (alias: string) =>
    `ROW(${columns.map((column) => `${alias}.${column}`).join(', ')})::pg_catalog.record`
  const [there, wanted] = [row('t'), row('s')]
  const equal =
    columns.length === 0
      ? 'true'
      : `(${there} OPERATOR(pg_catalog.*=) ${wanted} OR ${there}::text = ${wanted}::text)`
  return `SELECT pg_catalog.count(*)::int AS wanted, pg_catalog.count(t.tableoid)::int AS present,
      pg_catalog.count(*) FILTER (WHERE t.tableoid IS NOT NULL AND ${equal})::int AS exact
    FROM ${stage.table} AS s LEFT JOIN ${target(stage)} AS t ON ${sameRow(stage)} WHERE s."holdfast:op" IN ('c', 'u')`
}

/** Rows that should be gone and are not. One that moved to another parent is deleted there and created here. */
export function countSurvivors(stage: Stage): string {
  const again = stage.identity.map((column) => `c.${quote(column.name)} = s.${quote(column.name)}`)
  return `SELECT pg_catalog.count(*)::int AS rows FROM ${stage.table} AS s JOIN ${target(stage)} AS t ON ${sameRow(stage)}
    WHERE s."holdfast:op" = 'd'
      AND NOT EXISTS (SELECT FROM ${stage.table} AS c WHERE c."holdfast:op" = 'c' AND ${again.join(' AND ')})`
}

/** Columns whose default takes the next value of a sequence, with that sequence as the catalog writes it. */
export function sequenceColumns(stage: Stage): { column: Column; sequence: string }[] {
  return stage.columns.flatMap((column) => {
    const sequence = /^nextval\((.+::regclass)\)$/s.exec(column.default ?? '')?.[1]
    return sequence === undefined ? [] : [{ column, sequence }]
  })
}

/**
 * The sequence's quoted name, and how far it is behind the highest value.
 * @param of what was created, or what is there
 */
export function sequenceGap(
  stage: Stage,
  { column, sequence }: { column: Column; sequence: string },
  of: 'created' | 'there',
): string {
  const highest = `pg_catalog.max(s.${quote(column.name)})`
  const rows = of === 'there' ? `${target(stage)} AS s` : `${stage.table} AS s WHERE s."holdfast:op" = 'c'`
  return `SELECT ${sequence}::text AS name, ${highest}::text AS highest,
      (${highest} - COALESCE(pg_catalog.pg_sequence_last_value(${sequence}), 0))::text AS gap
    FROM ${rows}`
}

export function countToLock(stage: Stage): string {
  return `SELECT pg_catalog.count(*)::int AS rows FROM ${stage.table} AS s WHERE s."holdfast:op" IN ('u', 'd')`
}
