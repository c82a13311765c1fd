/**
 * Code points that make a spreadsheet take a cell for a formula when they stand first: = + - @, tab, line feed, carriage
 * return, and the full-width forms of the four. https://owasp.org/www-community/attacks/CSV_Injection
 */
export const runnable = [...'=+-@\t\n\r＝＋－＠'].map((character) => character.codePointAt(0)!)

/** Text as a cell that no spreadsheet runs: an apostrophe in front makes it text. */
export function defuse(text: string): string {
  return runnable.includes(text.codePointAt(0) ?? 0) ? `'${text}` : text
}

/** A cell of a CSV file (RFC 4180), defused. */
export function csvCell(text: string): string {
  const cell = defuse(text)
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell
}

/** What a cell of a list can say. Times are written in UTC as ISO 8601 has them, objects as JSON. */
export type CsvValue = string | number | boolean | Date | object | null | undefined

/** One row as RFC 4180 has it. Only text can be a formula: a number below zero stays a number. */
export function csvRow(values: readonly CsvValue[]): string {
  return `${values.map(cellOf).join(',')}\r\n`
}

function cellOf(value: CsvValue): string {
  if (value === null || value === undefined) return ''
  if (value instanceof Date) return value.toISOString()
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return csvCell(typeof value === 'string' ? value : JSON.stringify(value))
}
