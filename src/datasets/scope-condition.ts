import type { Column } from '../source/catalog.ts'
import { quoteIdentifier, quoteLiteral } from '../source/identifiers.ts'
import type { KeyValue } from '../source/keys.ts'
import { textExpression, toText } from '../source/values.ts'
import { dayOf, nextDay, printDate } from './calendar.ts'
import type { RootNode } from './definition.ts'
import { keysOf, periodOf, type Scope } from './scope.ts'

/** A condition with its parameters, numbered from $1; all are text and cast in the SQL. */
export interface Condition {
  sql: string
  values: string[]
}

/** What a condition is of: the root's table and the zone of its dates. */
export interface ScopeTarget {
  root: RootNode
  timezone: string
}

/** Puts a value into SQL: as a parameter or as a literal. */
type Bind = (text: string) => string

/**
 * The condition that selects a scope's root rows, as an index on the key or on `dates` serves it.
 * @param alias of the root's table in the query
 * @returns null for all records
 */
export function scopeCondition(dataset: ScopeTarget, scope: Scope, alias = 't0'): Condition | null {
  const values: string[] = []
  const sql = conditionOf(dataset, scope, alias, (text) => `$${values.push(text)}`)
  return sql === null ? null : { sql, values }
}

/** The same with its values as literals, for COPY, which takes no parameters. */
export function scopeLiteral(dataset: ScopeTarget, scope: Scope, alias = 't0'): string | null {
  return conditionOf(dataset, scope, alias, quoteLiteral)
}

function conditionOf(
  { root, timezone }: ScopeTarget,
  scope: Scope,
  alias: string,
  bind: Bind,
): string | null {
  const keys = keysOf(scope)
  if (keys !== null) return keyCondition(root.key, keys, alias, bind)
  const period = periodOf(scope, timezone)
  if (period === null || root.dates === null) return null
  const dates = root.dates
  const column = `${quoteIdentifier(alias)}.${quoteIdentifier(dates.name)}`
  const bound = (instant: Date) => boundOf(instant, dates, timezone, bind)
  return [
    ...(period.from === null ? [] : [`${column} >= ${bound(period.from)}`]),
    ...(period.to === null ? [] : [`${column} < ${bound(period.to)}`]),
  ].join(' AND ')
}

/**
 * A timestamp without time zone is taken as UTC, which is what applications' libraries store there. A date is the
 * beginning of its day in the dataset's zone: the first that is not before the instant.
 */
function boundOf(instant: Date, { baseType }: Column, zone: string, bind: Bind): string {
  if (baseType !== 'date') {
    return `${bind(printInstant(instant, baseType === 'timestamptz' ? '+00' : ''))}::pg_catalog.${baseType}`
  }
  const { date, isStart } = dayOf(instant, zone)
  return `${bind(printDate(isStart ? date : nextDay(date)))}::date`
}

/** As PostgreSQL reads it: a zone's first day of year 1 begins in 1 BC in UTC, and the last of 9999 ends in 10000. */
function printInstant(instant: Date, zone: string): string {
  const year = instant.getUTCFullYear()
  const rest = instant
    .toISOString()
    .replace(/^[+-]?\d+/, '')
    .replace('Z', zone)
  return `${String(year < 1 ? 1 - year : year).padStart(4, '0')}${rest}${year < 1 ? ' BC' : ''}`
}

/** How a key column is compared so that an index can serve; other types go by their text, which can't be malformed. */
const indexed: Record<string, string> = {
  int2: 'int2',
  int4: 'int4',
  int8: 'int8',
  float4: 'float4',
  float8: 'float8',
  uuid: 'uuid',
  bool: 'bool',
  text: 'text',
  varchar: 'text',
  name: 'text',
  bpchar: 'bpchar',
}

/**
 * Types that an index compares more loosely than their text differs: a collation may hold "a" and "A" equal, and
 * blanks at the end of char(n) don't count. A scope takes exactly the keys that it names.
 */
const loose = new Set(['text', 'varchar', 'name', 'bpchar'])

function keyCondition(columns: Column[], keys: KeyValue[][], alias: string, bind: Bind): string {
  const lists = columns.map((_, i) => `${bind(arrayOf(keys.map((key) => key[i]!)))}::pg_catalog.text[]`)
  const tests = columns.map((column, i) => equals(column, alias, `k.c${i}`))
  const [column] = columns
  if (columns.length === 1) {
    const type = indexed[column!.baseType]
    const list = type === undefined ? lists[0]! : `${lists[0]}::pg_catalog.${type}[]`
    const value = type === undefined ? textExpression(alias, column!) : cell(alias, column!)
    const fast = `${value} = ANY (${list})`
    return loose.has(column!.baseType) ? `${fast} AND ${exact(alias, column!)} = ANY (${lists[0]})` : fast
  }
  const names = columns.map((_, i) => `c${i}`).join(', ')
  const rows = lists.map((list) => `pg_catalog.unnest(${list})`).join(', ')
  return `EXISTS (SELECT FROM ROWS FROM (${rows}) AS k(${names}) WHERE ${tests.join(' AND ')})`
}

function equals(column: Column, alias: string, given: string): string {
  const type = indexed[column.baseType]
  if (type === undefined) return `${textExpression(alias, column)} = ${given}`
  const fast = `${cell(alias, column)} = ${given}::pg_catalog.${type}`
  return loose.has(column.baseType) ? `${fast} AND ${exact(alias, column)} = ${given}` : fast
}

function exact(alias: string, column: Column): string {
  return `(${textExpression(alias, column)}) COLLATE "C"`
}

function cell(alias: string, column: Column): string {
  return `${quoteIdentifier(alias)}.${quoteIdentifier(column.name)}`
}

/** PostgreSQL's text form of an array of text. */
function arrayOf(values: KeyValue[]): string {
  const items = values.map((value) => `"${(toText(value) ?? '').replace(/["\\]/g, '\\$&')}"`)
  return `{${items.join(',')}}`
}
