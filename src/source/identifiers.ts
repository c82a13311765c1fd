import type { TableName } from './catalog.ts'

/**
 * Quotes a name for SQL: the one place that does. Names come from the catalog, never from a request or a file.
 * @throws Error when the name holds a NUL, which no PostgreSQL name can
 */
export function quoteIdentifier(name: string): string {
  refuseNul(name)
  return `"${name.replaceAll('"', '""')}"`
}

/** `"schema"."table"`. */
export function quoteTable(table: TableName): string {
  return `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`
}

/**
 * Quotes text as an SQL literal, right whatever `standard_conforming_strings` says. For the few places that take no
 * parameter, such as COPY (…) TO; everywhere else use `$1`.
 */
export function quoteLiteral(text: string): string {
  refuseNul(text)
  const quoted = `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`
  return text.includes('\\') ? `E${quoted}` : quoted
}

function refuseNul(text: string): void {
  if (text.includes('\0')) throw new Error('a NUL character cannot be part of SQL')
}
