import type { Column, ForeignKey, TableName } from '../source/catalog.ts'
import { quoteIdentifier as quote, quoteTable } from '../source/identifiers.ts'
import type { Reference } from '../datasets/definition.ts'
import { orderBy } from '../source/keys.ts'
import { jsonExpression } from '../source/values.ts'
import { referenceColumn, type Stage } from './stage.ts'

/** Every statement that fills in what an artifact doesn't hold: internal ids, parents, the rows references point at. */

export const equal = (left: string, a: string[], right: string, b: string[]) =>
  a.map((column, i) => `${left}.${column} = ${right}.${b[i]!}`).join(' AND ')

const different = (left: string, a: string[], right: string, b: string[]) =>
  a.map((column, i) => `${left}.${column} IS DISTINCT FROM ${right}.${b[i]!}`).join(' OR ')

export const names = (columns: Column[]) => columns.map((column) => quote(column.name))

const assignments = (targets: string[], table: string, from: string[]) =>
  targets.map((target, i) => `${target} = ${table}.${from[i]!}`).join(', ')

const isNull = (table: string, columns: string[]) =>
  columns.map((column) => `${table}.${column} IS NULL`).join(' OR ')

const isNotNull = (table: string, columns: string[]) =>
  columns.map((column) => `${table}.${column} IS NOT NULL`).join(' AND ')

/** Parent columns whose values the artifact leaves out, from the parent's stage. */
export function resolveParents(stage: Stage, parent: Stage): string {
  const columns = names(stage.node.parent!.columns)
  const parentColumns = names(stage.node.parent!.parentColumns)
  return `UPDATE ${stage.table} AS s SET ${assignments(columns, 'p', parentColumns)}
    FROM ${parent.table} AS p WHERE p."holdfast:no" = s."holdfast:parent" AND (${isNull('s', columns)})`
}

/** A reference's columns from the row that has the stable key now. */
export function resolveReference(stage: Stage, r: number): string {
  const reference = stage.node.references[r]!
  const keys = reference.key.map((_, part) => referenceColumn(r, part))
  return `UPDATE ${stage.table} AS s
    SET ${assignments(names(reference.columns), 'x', names(reference.referencedColumns))}, "holdfast:found${r}" = true
    FROM ${quoteTable(reference.table)} AS x WHERE ${equal('x', names(reference.key), 's', keys)}`
}

/** Takes back what was found where that row is itself about to be deleted. @param targets stages of its table */
export function forgetDoomed(stage: Stage, r: number, targets: Stage[]): string {
  const { columns, referencedColumns } = stage.node.references[r]!
  const doomed = targets.map(
    (target) =>
      `EXISTS (SELECT FROM ${target.table} AS d WHERE d."holdfast:op" = 'd' AND ${equal('d', names(referencedColumns), 's', names(columns))})`,
  )
  const cleared = names(columns).map((column) => `${column} = NULL`)
  return `UPDATE ${stage.table} AS s SET ${cleared.join(', ')}, "holdfast:found${r}" = false
    WHERE s."holdfast:op" IN ('c', 'u') AND (${doomed.join(' OR ')})`
}

/** Notes that a reference points at a row that this very restore creates; its columns stay empty for now. */
export function findCreated(stage: Stage, r: number, target: Stage): string {
  return `UPDATE ${stage.table} AS s SET "holdfast:found${r}" = true
    FROM ${target.table} AS x WHERE ${isCreated(stage, r)} AND s."holdfast:found${r}" IS NOT TRUE`
}

/** Takes that back where the row isn't created after all. */
export function forgetSkipped(stage: Stage, r: number, targets: Stage[]): string {
  const created = targets.map(
    (target) => `EXISTS (SELECT FROM ${target.table} AS x WHERE ${isCreated(stage, r)})`,
  )
  return `UPDATE ${stage.table} AS s SET "holdfast:found${r}" = false
    WHERE ${isPending(stage, r)} AND NOT (${created.join(' OR ')})`
}

/** Fills the columns in, when the created rows have all of their values. */
export function assignReference(stage: Stage, r: number, target: Stage): string {
  const { columns, referencedColumns } = stage.node.references[r]!
  return `UPDATE ${stage.table} AS s SET ${assignments(names(columns), 'x', names(referencedColumns))}
    FROM ${target.table} AS x WHERE ${isCreated(stage, r)} AND ${isPending(stage, r)}`
}

/** The row x is created, and is what s points at. */
function isCreated(stage: Stage, r: number): string {
  const { key } = stage.node.references[r]!
  const keys = key.map((_, part) => referenceColumn(r, part))
  return `x."holdfast:op" = 'c' AND ${equal('x', names(key), 's', keys)}`
}

/** What s points at is created by this restore, and has no values to point at yet. */
export function isPending(stage: Stage, r: number): string {
  return `s."holdfast:found${r}" AND (${isNull('s', names(stage.node.references[r]!.columns))})`
}

/** Internal ids of rows that exist, by their key among their siblings. */
export function resolveExisting(stage: Stage): string {
  const { node } = stage
  const match = names([...node.key, ...(node.parent?.columns ?? [])])
  const internal = names(node.internal)
  return `UPDATE ${stage.table} AS s SET ${assignments(internal, 't', internal)}
    FROM ${quoteTable(node.table)} AS t WHERE s."holdfast:op" <> 'c' AND ${equal('t', match, 's', match)}`
}

/** New internal ids for rows to create, by the columns' own defaults from the catalog. */
export function assignInternal(stage: Stage): string {
  const defaults = stage.node.internal.map((column) => `${quote(column.name)} = ${column.default!}`)
  return `UPDATE ${stage.table} SET ${defaults.join(', ')} WHERE "holdfast:op" = 'c'`
}

/** Rows that must exist and were not found: none, since all was read at one instant. */
export function countUnidentified(stage: Stage): string {
  return `SELECT pg_catalog.count(*)::int AS rows FROM ${stage.table} AS s
    WHERE s."holdfast:op" IN ('u', 'd') AND (${isNull('s', names(stage.identity))})`
}

/** Rows whose reference points at nothing that is there or will be. */
function dangling(reference: Reference, r: number): string {
  const keys = reference.key.map((_, part) => `s.${referenceColumn(r, part)} IS NOT NULL`)
  return `s."holdfast:op" IN ('c', 'u') AND ${keys.join(' AND ')} AND s."holdfast:found${r}" IS NOT TRUE`
}

/** Lists rows whose reference dangles. $1: how many at most */
export function listDangling(stage: Stage, r: number): string {
  const reference = stage.node.references[r]!
  const key = reference.key.map((_, part) => `s.${referenceColumn(r, part)}::text`).join(', ')
  return `SELECT pg_catalog.json_build_array(${key}) AS missing, s."holdfast:record"::int AS record,
      (pg_catalog.count(*) OVER ())::int AS total
    FROM ${stage.table} AS s WHERE ${dangling(reference, r)} ORDER BY s."holdfast:no" LIMIT $1`
}

/** Rule `skip`: leaves rows alone whose reference dangles. */
export function skipDangling(stage: Stage, r: number): string {
  return `UPDATE ${stage.table} AS s SET "holdfast:op" = 'x' WHERE ${dangling(stage.node.references[r]!, r)}`
}

/** What is below a row that isn't created can't be created either. */
export function skipBelow(stage: Stage, parent: Stage): string {
  return `UPDATE ${stage.table} AS s SET "holdfast:op" = 'x' FROM ${parent.table} AS p
    WHERE p."holdfast:no" = s."holdfast:parent" AND p."holdfast:op" = 'x' AND s."holdfast:op" = 'c'`
}

/** Pointers of a foreign key that no declared reference covers, to rows that are not there and won't be. $1: how many at most */
export function listBrokenPointers(stage: Stage, key: ForeignKey, targets: Stage[], doomed: Stage[]): string {
  const columns = key.columns.map(quote)
  const referenced = key.referencedColumns.map(quote)
  const stays = doomed.map(
    (other) =>
      `NOT EXISTS (SELECT FROM ${other.table} AS d WHERE d."holdfast:op" = 'd' AND ${equal('d', names(other.identity), 'x', names(other.identity))})`,
  )
  const exists = [
    `SELECT FROM ${quoteTable(key.references)} AS x WHERE ${equal('x', referenced, 's', columns)}${stays.map((s) => ` AND ${s}`).join('')}`,
  ]
  for (const target of targets)
    exists.push(
      `SELECT FROM ${target.table} AS c WHERE c."holdfast:op" = 'c' AND ${equal('c', referenced, 's', columns)}`,
    )
  return `SELECT pg_catalog.json_build_array(${columns.map((column) => `s.${column}::text`).join(', ')}) AS missing,
      s."holdfast:record"::int AS record, (pg_catalog.count(*) OVER ())::int AS total
    FROM ${stage.table} AS s
    WHERE s."holdfast:op" IN ('c', 'u') AND ${isNotNull('s', columns)}
      AND ${exists.map((query) => `NOT EXISTS (${query})`).join(' AND ')}
    ORDER BY s."holdfast:no" LIMIT $1`
}

/** The columns by which a child's row can be found wherever it stands; null where they only tell it from its siblings. */
export function keyOfTable({ node, identity }: Stage): Column[] | null {
  const key = node.internal.length > 0 ? node.key : identity
  const isWhole = node.table.uniqueKeys.some((unique) =>
    unique.every((name) => key.some((column) => column.name === name)),
  )
  return node.parent !== null && isWhole ? key : null
}

/** Rows to create whose key another row has that stays where it is. $1: how many at most; @param key of the whole table */
export function listElsewhere(stage: Stage, key: Column[]): string {
  const columns = names(key)
  return `SELECT pg_catalog.json_build_array(${columns.map((column) => `s.${column}::text`).join(', ')}) AS missing,
      s."holdfast:record"::int AS record, (pg_catalog.count(*) OVER ())::int AS total
    FROM ${stage.table} AS s JOIN ${quoteTable(stage.node.table)} AS t ON ${equal('t', columns, 's', columns)}
    WHERE s."holdfast:op" = 'c' AND NOT EXISTS (
      SELECT FROM ${stage.table} AS d WHERE d."holdfast:op" = 'd' AND ${equal('d', columns, 's', columns)})
    ORDER BY s."holdfast:no" LIMIT $1`
}

/**
 * Rows to delete that others point at, which stay: of tables outside the dataset, or rows that this restore keeps.
 * Deleting them would fail, or change rows that no artifact holds.
 * @param key a foreign key that points at the stage's table
 * @param holders stages of the pointing table
 */
export function listHeld(stage: Stage, key: ForeignKey, holders: Stage[]): string {
  const referenced = key.referencedColumns.map(quote)
  const gone = holders.map((holder) => {
    const moved = key.columns.every((name) => holder.columns.some((column) => column.name === name))
      ? ` OR (h."holdfast:op" = 'u' AND (${different('h', key.columns.map(quote), 's', referenced)}))`
      : ''
    return `NOT EXISTS (SELECT FROM ${holder.table} AS h WHERE (h."holdfast:op" = 'd'${moved}) AND ${equal('h', names(holder.identity), 'o', names(holder.identity))})`
  })
  return `SELECT s."holdfast:top"::text AS top, s."holdfast:record"::int AS record, pg_catalog.count(*)::int AS rows
    FROM ${stage.table} AS s JOIN ${quoteTable(key.table)} AS o ON ${equal('o', key.columns.map(quote), 's', referenced)}
    WHERE s."holdfast:op" = 'd'${gone.map((condition) => ` AND ${condition}`).join('')}
    GROUP BY s."holdfast:top", s."holdfast:record" ORDER BY s."holdfast:top"`
}

/** Leaves everything alone that was to be deleted along with the given topmost rows. $1: their numbers, text[] */
export function keepHeld(stage: Stage): string {
  return `UPDATE ${stage.table} SET "holdfast:op" = 'x' WHERE "holdfast:op" = 'd' AND "holdfast:top" = ANY ($1::text[]::bigint[])`
}

export function countOperations(stage: Stage): string {
  return `SELECT "holdfast:op"::text AS op, pg_catalog.count(*)::int AS rows FROM ${stage.table} GROUP BY "holdfast:op"`
}

/** Records by what becomes of them: created, deleted, left alone, or changed (any row of them is written). */
export function countRecords(stages: Stage[]): string {
  const [root, ...below] = stages
  const written = below.map(
    ({ table }) => `SELECT "holdfast:record" FROM ${table} WHERE "holdfast:op" IN ('c', 'u', 'd')`,
  )
  const changedBelow =
    written.length === 0
      ? '0'
      : `(SELECT pg_catalog.count(*) FROM ${root!.table} AS k
          WHERE k."holdfast:op" = 'k' AND k."holdfast:no" IN (${written.join(' UNION ALL ')}))`
  return `SELECT pg_catalog.count(*) FILTER (WHERE r."holdfast:op" = 'c')::int AS "create",
      pg_catalog.count(*) FILTER (WHERE r."holdfast:op" = 'd')::int AS "delete",
      pg_catalog.count(*) FILTER (WHERE r."holdfast:op" = 'x')::int AS "skip",
      (pg_catalog.count(*) FILTER (WHERE r."holdfast:op" = 'u') + ${changedBelow})::int AS "update"
    FROM ${root!.table} AS r`
}

/** Keys of records, as artifacts have them. $1: numbers of their root rows, bigint[] */
export function listKeys(root: Stage): string {
  const key = root.node.key.map((column) => jsonExpression('s', column))
  return `SELECT s."holdfast:no"::int AS record, pg_catalog.json_build_array(${key.join(', ')}) AS key
    FROM ${root.table} AS s WHERE s."holdfast:no" = ANY ($1::bigint[])`
}

/** Keys of the records to create, in key order, each as a JSON array. */
export function createdKeys(root: Stage): string {
  const key = root.node.key.map((column) => jsonExpression('s', column))
  return `SELECT pg_catalog.json_build_array(${key.join(', ')})::text FROM ${root.table} AS s
    WHERE s."holdfast:op" = 'c' ORDER BY ${orderBy('s', root.node.key)}`
}

export const sameTable = (a: TableName, b: TableName) => a.schema === b.schema && a.name === b.name
