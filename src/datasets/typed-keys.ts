import { valueOfJson } from '../platform/json-text.ts'
import { platformProblems } from '../platform/problem-answers.ts'
import type { Column } from '../source/catalog.ts'

export type TypedKey = string | number | boolean | (string | number | boolean)[]

/**
 * Keys as people type them into a form, as the API takes them: one a line; a key of several columns is a JSON list.
 * @param columns of the dataset's key, which say whether a key is text or a number
 * @throws VALIDATION_FAILED pointing at `keys`
 */
export function keysOfLines(text: string, columns: readonly Column[]): TypedKey[] {
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
  if (lines.length === 0) throw invalidField('keys', 'is required: one key a line')
  const [column, ...others] = columns
  return lines.map((line) => (others.length > 0 ? listOf(line) : valueOf(line, column!)))
}

/** A key as `keysOfLines` reads it back. */
export function lineOfKey(key: unknown): string {
  return Array.isArray(key) ? (key.length === 1 ? String(key[0]) : JSON.stringify(key)) : String(key)
}

function listOf(line: string): TypedKey {
  const value = valueOfJson(line)
  if (Array.isArray(value)) return value as TypedKey
  throw invalidField('keys', `must be JSON lists, such as ["a", 1]; this is none: ${line.slice(0, 80)}`)
}

/**
 * One column of a key as it was typed: a JSON number only where the artifact has one; what doesn't read as one is
 * refused as the text it is.
 */
export function valueOf(line: string, { baseType, encoding }: Column): TypedKey {
  if (encoding !== 'native') return line
  if (/^(int2|int4|float4|float8)$/.test(baseType)) return /^-?\d+(\.\d+)?$/.test(line) ? Number(line) : line
  if (baseType === 'bool') return line === 'true' ? true : line === 'false' ? false : line
  return line
}

/** A form's field that is wrong. */
export function invalidField(field: string, detail: string) {
  return platformProblems.VALIDATION_FAILED(`${field} ${detail}`, {
    errors: [{ pointer: `/${field}`, detail }],
  })
}
