import type { Column } from '../source/catalog.ts'
import type { Dataset, Reference, TableNode } from '../datasets/definition.ts'
import { owningKey } from '../datasets/owning-key.ts'
import { quoteIdentifier, quoteLiteral, quoteTable } from '../source/identifiers.ts'
import { keyExpression, orderBy } from '../source/keys.ts'
import { jsonExpression, textExpression, type Expression } from '../source/values.ts'

/** Which root rows to read: an SQL condition over the alias `t0`, without parameters, or null for all of them. */
export type Condition = string | null

/** The query of one table's rows and what its lines hold. */
export interface NodeQuery {
  node: TableNode
  /**
   * Columns of a line: first what the row is found by (the root's key as a JSON array; a child's parent, by the
   * columns that it points at), then for each child table what that table's rows will have there, last the row as JSON.
   */
  sql: string
  fields: number
}

/** Alias of a table in the queries: its depth. */
export const alias = (depth: number) => `t${depth}`

/** Alias of the table that a reference of the table at this depth points at. */
export const referenceAlias = (depth: number, i: number) => `x${depth}_${i}`

/**
 * The queries that read a dataset's records, parents before children. All sort alike, so that their streams can be
 * merged: by the root's key, then by each level's order and key.
 * @param value SQL for a column's value in a row's JSON; default: as artifacts have it
 */
export function captureQueries(
  dataset: Dataset,
  condition: Condition,
  value: Expression = jsonExpression,
): NodeQuery[] {
  return walk(dataset.root, (node, chain) => ({
    node,
    sql: nodeQuery(dataset, node, chain, condition, value),
    fields: 2 + node.children.length,
  }))
}

/**
 * The same over rows that are locked as they are read, each along with those above it: what is read can't change until the
 * transaction ends. Whatever a transaction is using is passed over, with what is below it: who doesn't wait can neither
 * hold others up nor run into a deadlock.
 */
export function lockingQueries(dataset: Dataset, condition: Condition): NodeQuery[] {
  return captureQueries(dataset, condition).map((query) => {
    const chain = Array.from({ length: depthOf(query.node) + 1 }, (_, depth) => alias(depth))
    return { ...query, sql: `${query.sql}\nFOR UPDATE OF ${chain.join(', ')} SKIP LOCKED` }
  })
}

function depthOf({ parent }: TableNode): number {
  return parent === null ? 0 : 1 + depthOf(parent.node)
}

export function walk<T>(root: TableNode, visit: (node: TableNode, chain: TableNode[]) => T): T[] {
  const results: T[] = []
  const descend = (node: TableNode, above: TableNode[]) => {
    const chain = [...above, node]
    results.push(visit(node, chain))
    for (const child of node.children) descend(child, chain)
  }
  descend(root, [])
  return results
}

function nodeQuery(
  dataset: Dataset,
  node: TableNode,
  chain: TableNode[],
  condition: Condition,
  value: Expression,
): string {
  const depth = chain.length - 1
  const direct = condition === null && depth === 1 && pointsDirectly(dataset, node)
  const columns = [
    depth === 0 ? keyTag('t0', node.key) : matchTag(node, depth, direct),
    ...node.children.map((child) => tag(alias(depth), child.parent!.parentColumns)),
    'pg_catalog.row_to_json(r.*)::text',
  ]
  const where = [condition === null ? null : `(${condition})`, direct ? notNull(node, depth) : null]
  return [
    `SELECT ${columns.join(', ')}`,
    `FROM ${direct ? `${quoteTable(node.table)} AS ${alias(depth)}` : joinChain(chain)}`,
    ...chain.flatMap((above, d) => joinReferences(above, d, above === node)),
    `CROSS JOIN LATERAL (SELECT ${rowColumns(node, depth, value)}) AS r`,
    ...whereClause(where),
    `ORDER BY ${order(chain, direct)}`,
  ].join('\n')
}

export function whereClause(conditions: (string | null)[]): string[] {
  const given = conditions.filter((condition) => condition !== null)
  return given.length === 0 ? [] : [`WHERE ${given.join(' AND ')}`]
}

/**
 * True when a child's own columns can stand for the root's key: the root's key is what they point at, a foreign key
 * makes sure that the root's row exists, and equal values have equal text. It saves a join with the whole table.
 */
export function pointsDirectly({ root }: Dataset, node: TableNode): boolean {
  const { columns, parentColumns } = node.parent!
  const sameColumns = (a: Column[], names: string[]) =>
    a.length === names.length && a.every((column, i) => column.name === names[i])
  return (
    owningKey(node) !== undefined &&
    node.table.kind === 'table' &&
    sameColumns(
      parentColumns,
      root.key.map((column) => column.name),
    ) &&
    columns.every((column, i) => column.keyOrder !== 'text' && column.baseType === parentColumns[i]!.baseType)
  )
}

export function notNull(node: TableNode, depth: number): string {
  return node
    .parent!.columns.map((column) => `${alias(depth)}.${quoteIdentifier(column.name)} IS NOT NULL`)
    .join(' AND ')
}

/** The root's key as a JSON array of the values that the artifact holds. */
export function keyTag(table: string, key: Column[]): string {
  return `pg_catalog.json_build_array(${key.map((column) => jsonExpression(table, column)).join(', ')})::text`
}

/** What a child's row is matched to its parent by: the parent's values, so that both sides print the same. */
function matchTag(node: TableNode, depth: number, direct: boolean): string {
  return direct ? tag(alias(depth), node.parent!.columns) : tag(alias(depth - 1), node.parent!.parentColumns)
}

function tag(table: string, columns: Column[]): string {
  const [only] = columns
  if (columns.length === 1 && only!.keyOrder !== 'text') return textExpression(table, only!)
  return `pg_catalog.json_build_array(${columns.map((column) => textExpression(table, column)).join(', ')})::text`
}

/** `FROM` of a table's rows with those above them; the aliases are t0, t1 … by depth. @param chain from the root down */
export function joinChain(chain: TableNode[]): string {
  const joins = chain.slice(1).map((node, i) => {
    const { columns, parentColumns } = node.parent!
    const on = columns.map(
      (column, c) =>
        `${alias(i + 1)}.${quoteIdentifier(column.name)} = ${alias(i)}.${quoteIdentifier(parentColumns[c]!.name)}`,
    )
    return `JOIN ${quoteTable(node.table)} AS ${alias(i + 1)} ON ${on.join(' AND ')}`
  })
  return [`${quoteTable(chain[0]!.table)} AS t0`, ...joins].join('\n')
}

/** A table's own references are read; of the tables above it only those that its rows are sorted by. */
export function joinReferences(node: TableNode, depth: number, own: boolean): string[] {
  return node.references.flatMap((reference, i) =>
    own || node.key.includes(reference.columns[0]!) ? [joinReference(reference, i, depth)] : [],
  )
}

function joinReference(reference: Reference, i: number, depth: number): string {
  const table = referenceAlias(depth, i)
  const on = reference.columns.map(
    (column, c) =>
      `${table}.${quoteIdentifier(reference.referencedColumns[c]!.name)} = ${alias(depth)}.${quoteIdentifier(column.name)}`,
  )
  return `LEFT JOIN ${quoteTable(reference.table)} AS ${table} ON ${on.join(' AND ')}`
}

/** The row as the artifact has it: key columns first, so that a line's key can be read off its start. */
function rowColumns(node: TableNode, depth: number, value: Expression): string {
  return artifactColumns(node)
    .map((column) => {
      const i = node.references.findIndex((reference) => reference.columns[0] === column)
      const shown = i < 0 ? value(alias(depth), column) : referenceValue(node.references[i]!, i, depth)
      return `${shown} AS ${quoteIdentifier(column.name)}`
    })
    .join(', ')
}

/**
 * A table's columns in the order they have in the artifact: the key, then the others as the table has them. Of a
 * reference's columns only the first appears; it stands for all of them.
 */
export function artifactColumns(node: TableNode): Column[] {
  const hidden = new Set(node.references.flatMap((reference) => reference.columns.slice(1)))
  const shown = node.columns.filter((column) => !hidden.has(column))
  const key = node.key.filter((column) => shown.includes(column))
  return [...key, ...shown.filter((column) => !key.includes(column))]
}

/**
 * The stable key of the referenced row: its value, a list when it has several columns, or an object when further
 * columns go with it. A pointer to nothing (no foreign key watches over it) is kept as it is, marked `unresolved`.
 */
function referenceValue(reference: Reference, i: number, depth: number): string {
  const table = referenceAlias(depth, i)
  const values = reference.key.map((column) => jsonExpression(table, column))
  const single = values.length === 1 && reference.include.length === 0
  const key =
    values.length === 1
      ? `pg_catalog.to_json(${values[0]})`
      : `pg_catalog.json_build_array(${values.join(', ')})`
  const found = single || reference.include.length === 0 ? key : withIncluded(reference, table, key)
  const pointers = reference.columns.map((column) => `${alias(depth)}.${quoteIdentifier(column.name)}`)
  const there = `${table}.${quoteIdentifier(reference.referencedColumns[0]!.name)} IS NOT NULL`
  const raw = reference.columns.map((column) => textExpression(alias(depth), column)).join(', ')
  return [
    `CASE WHEN ${there} THEN ${found}`,
    `WHEN ${pointers.map((pointer) => `${pointer} IS NOT NULL`).join(' AND ')}`,
    `THEN pg_catalog.json_build_object('unresolved', pg_catalog.json_build_array(${raw})) END`,
  ].join(' ')
}

function withIncluded(reference: Reference, table: string, key: string): string {
  const included = reference.include.flatMap((column) => [
    quoteLiteral(column.name),
    jsonExpression(table, column),
  ])
  return `pg_catalog.json_build_object('key', ${key}, ${included.join(', ')})`
}

/** The root's key in merge order; below it each level's declared order, then its key. */
export function order(chain: TableNode[], direct: boolean): string {
  const [root, ...below] = chain
  const top = direct
    ? chain[1]!.parent!.columns.map((column) => keyExpression('t1', column)).join(', ')
    : orderBy('t0', root!.key)
  const rest = below.flatMap((node, i) => [
    ...(node.order === null ? [] : [`${alias(i + 1)}.${quoteIdentifier(node.order.name)}`]),
    ...node.key.flatMap((column) => keyOrder(node, column, i + 1)),
  ])
  return [top, ...rest].join(', ')
}

/** A key column that is a reference sorts by the stable key that stands for it. */
function keyOrder(node: TableNode, column: Column, depth: number): string[] {
  const i = node.references.findIndex((reference) => reference.columns[0] === column)
  if (i < 0) return [keyExpression(alias(depth), column)]
  return node.references[i]!.key.map((key) => keyExpression(referenceAlias(depth, i), key))
}
