import type { Column } from './catalog.ts'
import { quoteIdentifier } from './identifiers.ts'

/** SQL for a column's value. @param alias the table's alias in the query */
export type Expression = (alias: string, column: Column) => string

/**
 * SQL for a column's value as it goes into an artifact, for the select list of a row that row_to_json prints.
 * @param alias the table's alias in the query
 * @returns an expression over `alias."column"`, without a name of its own
 */
export function jsonExpression(alias: string, column: Column): string {
  const value = columnOf(alias, column)
  if (column.encoding === 'text') return `${value}::text`
  if (column.encoding === 'output') return outputOf(value)
  return column.baseType === 'char' ? charText(value) : value
}

/**
 * SQL for the text of a column's value: exactly the characters that the artifact's JSON string holds (or of the JSON
 * number or boolean), so that both sides sort and compare alike.
 */
export function textExpression(alias: string, column: Column): string {
  const value = columnOf(alias, column)
  if (column.encoding === 'text' || plainCast.has(column.baseType)) return `${value}::text`
  if (column.encoding === 'output') return outputOf(value)
  if (column.baseType === 'char') return charText(value)
  return `(pg_catalog.to_json(${value}) #>> '{}')`
}

/**
 * SQL for a column's value as other programs read it most easily, for the select list of a row that row_to_json
 * prints: documents, arrays and composites nested instead of as their text, which may lose what only PostgreSQL knows
 * (an array's bounds). Numbers that JSON readers round (int8, numeric) stay text, inside arrays as well.
 */
export function plainExpression(alias: string, column: Column): string {
  const value = columnOf(alias, column)
  if (column.encoding === 'native') return jsonExpression(alias, column)
  if (column.baseType === 'json') return `${oneLine(`${value}::text`)}::json`
  if (column.baseType === 'jsonb') return value
  if (column.encoding === 'text') {
    if (!column.baseType.startsWith('_')) return `${value}::text`
    return roundedElements.has(column.baseType) ? `${value}::text[]` : nested(value, column)
  }
  return nested(value, column)
}

const roundedElements = new Set(['_int8', '_numeric', '_money', '_xml'])

/** Elements and fields may be json, which keeps the line feeds it was written with; a row must stay one line. */
function nested(value: string, { baseType }: Column): string {
  if (baseType.startsWith('_') && baseType !== '_json') return value
  const json = oneLine(`pg_catalog.to_json(${value})::text`)
  return `CASE WHEN ${value} IS DISTINCT FROM NULL THEN ${json}::json END`
}

/** Outside of strings, where they are escaped, JSON's control characters are blanks. */
function oneLine(json: string): string {
  return `pg_catalog.translate(${json}, e'\\n\\r', '  ')`
}

/** Built-in types whose cast to text prints the same as row_to_json, only faster. */
const plainCast = new Set(['text', 'varchar', 'name', 'bool', 'int2', 'int4', 'uuid', 'oid'])

export function columnOf(alias: string, column: Column): string {
  return `${quoteIdentifier(alias)}.${quoteIdentifier(column.name)}`
}

/**
 * The type's own output function, past any cast to text or json that somebody made. `IS DISTINCT FROM NULL` and not
 * `IS NOT NULL`, which is false for a composite with a NULL field.
 */
export function outputOf(value: string): string {
  return `CASE WHEN ${value} IS DISTINCT FROM NULL THEN pg_catalog.format('%s', ${value}) END`
}

/** Before PostgreSQL 15, "char" prints bytes above 127 as they are, which is no UTF-8: converting to and fro raises
 * an error there rather than passing on something else. */
function charText(value: string): string {
  return `pg_catalog.convert_from(pg_catalog.convert_to(${value}::text, 'UTF8'), 'UTF8')`
}

/** A value as JSON.parse gives it from an artifact. */
export type Value = string | number | boolean | null

/**
 * A value as text that the type's input function reads, for a parameter (`$1::type`).
 * @returns null for SQL NULL
 */
export function toText(value: Value): string | null {
  if (value === null || typeof value === 'string') return value
  if (typeof value === 'boolean') return value ? 't' : 'f'
  return Object.is(value, -0) ? '-0' : String(value)
}

const escapes: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** A value as a field of COPY … FROM in text format, with its default delimiter (tab) and NULL (`\N`). */
export function toCopyText(value: Value): string {
  const text = toText(value)
  if (text === null) return '\\N'
  return text.replace(/[\\\n\r\t]/g, (character) => escapes[character] ?? character)
}
