import type { Column, KeyOrder } from './catalog.ts'
import { quoteIdentifier, quoteLiteral } from './identifiers.ts'
import { textExpression, toText } from './values.ts'

/** A key column's value as an artifact holds it. Key columns are never NULL. */
export type KeyValue = string | number | boolean

/**
 * Orders two keys as PostgreSQL orders their rows by `orderBy`.
 * @param orders of the key's columns
 * @returns negative, zero or positive
 */
export function compareKeys(
  a: readonly KeyValue[],
  b: readonly KeyValue[],
  orders: readonly KeyOrder[],
): number {
  for (let i = 0; i < orders.length; i++) {
    const difference = compareValues(a[i] as KeyValue, b[i] as KeyValue, orders[i] as KeyOrder)
    if (difference !== 0) return difference
  }
  return 0
}

function compareValues(a: KeyValue, b: KeyValue, order: KeyOrder): number {
  if (order === 'integer') return compareIntegers(a, b)
  if (order === 'float') return compareFloats(Number(a), Number(b))
  // A uuid prints as fixed-length lower-case hex: its text sorts as its bytes do.
  return compareText(String(a), String(b))
}

/** int8 comes as a string: beyond 2^53 only its digits tell. Shorter is smaller, of the same length text decides. */
function compareIntegers(a: KeyValue, b: KeyValue): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  const [left, right] = [String(a), String(b)]
  const [leftNegative, rightNegative] = [left.startsWith('-'), right.startsWith('-')]
  if (leftNegative !== rightNegative) return leftNegative ? -1 : 1
  const magnitude = left.length - right.length || (left < right ? -1 : left > right ? 1 : 0)
  return leftNegative ? -magnitude : magnitude
}

/** PostgreSQL puts NaN above all else and holds it equal to itself. */
function compareFloats(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
  return a < b ? -1 : a > b ? 1 : 0
}

/**
 * By code point, which is the order of UTF-8 bytes and of `COLLATE "C"`. JavaScript's own order is by UTF-16 unit and
 * differs where a surrogate (U+D800 to U+DFFF, code points from U+10000) meets a unit above it (U+E000 to U+FFFF).
 */
function compareText(a: string, b: string): number {
  if (a === b) return 0
  const shared = Math.min(a.length, b.length)
  let at = 0
  while (at < shared && a.charCodeAt(at) === b.charCodeAt(at)) at++
  if (at === shared) return a.length - b.length
  const [left, right] = [a.charCodeAt(at), b.charCodeAt(at)]
  const [leftHigh, rightHigh] = [isSurrogate(left), isSurrogate(right)]
  return leftHigh === rightHigh ? left - right : leftHigh ? 1 : -1
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff
}

/** SQL by which a key column sorts: the column itself where an index can serve, else its text by bytes. */
export function keyExpression(alias: string, column: Column): string {
  if (column.keyOrder === 'text') return `(${textExpression(alias, column)}) COLLATE "C"`
  return `${quoteIdentifier(alias)}.${quoteIdentifier(column.name)}`
}

/** The list after ORDER BY that puts rows in the order of `compareKeys`. */
export function orderBy(alias: string, columns: readonly Column[]): string {
  return columns.map((column) => keyExpression(alias, column)).join(', ')
}

/**
 * The condition that selects a key and all that `orderBy` puts after it, without parameters.
 * @param start a value per key column, as artifacts have them
 */
export function keyStart(key: readonly Column[], start: readonly KeyValue[], alias = 't0'): string {
  const columns = key.map((column) => keyExpression(alias, column))
  const values = key.map((column, i) => {
    const type = column.keyOrder === 'text' ? 'pg_catalog.text' : elementType(column)
    return `${quoteLiteral(toText(start[i]!)!)}::${type}`
  })
  return `(${columns.join(', ')}) >= (${values.join(', ')})`
}

/**
 * The condition that selects rows by key, without parameters.
 * @param keys each a value per key column, as artifacts have them
 */
export function keyCondition(
  alias: string,
  key: readonly Column[],
  keys: readonly (readonly KeyValue[])[],
): string {
  const columns = key.map((column) => `${quoteIdentifier(alias)}.${quoteIdentifier(column.name)}`)
  const [only] = key
  if (key.length === 1 && !/(^|\.)_/.test(only!.baseType))
    return `${columns[0]} = ANY (${arrayLiteral(textsOf(keys, 0))}::${elementType(only!)}[])`
  return `(${columns.join(', ')}) IN (SELECT ${key.map((_, i) => `k.k${i}`).join(', ')} FROM ${keyRows(key, keys)})`
}

/**
 * Keys as rows to join with, numbered from 1 in the order given: columns k0, k1 … and n. They come as text: there are no
 * arrays of arrays, and of composites unnest makes columns.
 * @returns what stands after FROM or JOIN, alias `k` included
 */
export function keyRows(key: readonly Column[], keys: readonly (readonly KeyValue[])[]): string {
  const lists = key.map((_, i) => `pg_catalog.unnest(${arrayLiteral(textsOf(keys, i))}::pg_catalog.text[])`)
  const names = [...key.map((_, i) => `t${i}`), 'n'].join(', ')
  const values = key.map((column, i) => `u.t${i}::${elementType(column)} AS k${i}`)
  return `(SELECT ${values.join(', ')}, u.n FROM ROWS FROM (${lists.join(', ')}) WITH ORDINALITY AS u (${names})) AS k`
}

function textsOf(keys: readonly (readonly KeyValue[])[], part: number): string[] {
  return keys.map((values) => toText(values[part]!)!)
}

function arrayLiteral(texts: string[]): string {
  return quoteLiteral(`{${texts.map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`).join(',')}}`)
}

/** The type without its length, which a cast would cut the values to, and without a domain's checks, which may refuse
 * NULL; by its catalog name, since the keywords
 * `character` and `bit` alone mean a length of 1. */
export function elementType({ type, baseType }: Column): string {
  return baseType.includes('.') ? type : `pg_catalog.${quoteIdentifier(baseType)}`
}
