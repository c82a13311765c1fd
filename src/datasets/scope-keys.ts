import type { InputError } from '../platform/errors.ts'
import type { Column } from '../source/catalog.ts'
import type { KeyValue } from '../source/keys.ts'

type Key = KeyValue | KeyValue[]

/**
 * Checks keys against the key's columns: how many values, of which JSON type, and within what the type can hold.
 * @returns all errors, each with its place; the keys as an artifact has them
 */
export function checkKeys(
  keys: Key[],
  columns: Column[],
  pointer: string,
): { errors: InputError[]; checked: Key[] } {
  const errors: InputError[] = []
  const seen = new Map<string, number>()
  const checked = keys.map((key, i) => {
    const result = checkKey(key, columns)
    if (typeof result === 'string') errors.push({ pointer: `${pointer}/${i}`, detail: result })
    else noteRepeated(result, i, seen, errors, pointer)
    return typeof result === 'string' ? key : columns.length === 1 ? result[0]! : result
  })
  return { errors, checked }
}

function noteRepeated(
  key: KeyValue[],
  i: number,
  seen: Map<string, number>,
  errors: InputError[],
  pointer: string,
): void {
  const text = JSON.stringify(key)
  const first = seen.get(text)
  if (first === undefined) seen.set(text, i)
  else errors.push({ pointer: `${pointer}/${i}`, detail: `is there twice, first at ${pointer}/${first}` })
}

/** @returns what is wrong, or the values as an artifact has them */
function checkKey(key: Key, columns: Column[]): string | KeyValue[] {
  const values = columns.length === 1 && !Array.isArray(key) ? [key] : key
  const names = columns.map(({ name }) => name).join(', ')
  if (
    !Array.isArray(values) ||
    values.length !== columns.length ||
    (columns.length === 1 && Array.isArray(key))
  ) {
    return columns.length === 1
      ? `must be one value, of ${names}`
      : `must be a list of ${columns.length} values: ${names}`
  }
  const checked = values.map((value, i) => checkValue(value, columns[i]!))
  const wrong = checked.flatMap((result, i) =>
    'error' in result ? [`${columns[i]!.name} ${result.error}`] : [],
  )
  if (wrong.length > 0) return wrong.join('; ')
  return checked.map((result) => (result as { value: KeyValue }).value)
}

type Checked = { value: KeyValue } | { error: string }

const ranges: Record<string, [bigint, bigint]> = {
  int2: [-(2n ** 15n), 2n ** 15n - 1n],
  int4: [-(2n ** 31n), 2n ** 31n - 1n],
  int8: [-(2n ** 63n), 2n ** 63n - 1n],
}

function checkValue(value: KeyValue, { baseType, type }: Column): Checked {
  if (baseType in ranges) return checkInteger(value, baseType)
  if (baseType === 'bool') return typeof value === 'boolean' ? { value } : { error: 'must be true or false' }
  if (baseType === 'float4' || baseType === 'float8') return checkFloat(value)
  if (typeof value !== 'string') return { error: `must be text (${type})` }
  if (value.includes('\0') || !value.isWellFormed())
    return { error: 'holds characters that no text in a database has' }
  if (baseType === 'uuid' && !/^[\da-f]{8}-([\da-f]{4}-){3}[\da-f]{12}$/i.test(value))
    return { error: 'must be a UUID' }
  if (baseType === 'bpchar') return { value: padded(value, type) }
  return { value: baseType === 'uuid' ? value.toLowerCase() : value }
}

/** char(n) is stored, and stands in artifacts, with blanks up to its length. */
function padded(value: string, type: string): string {
  const length = Number(/\((\d+)\)/.exec(type)?.[1] ?? 0)
  return value + ' '.repeat(Math.max(0, length - [...value].length))
}

/** int8 may come as a number where that is exact; in artifacts it is text, as it can exceed 2^53. */
function checkInteger(value: KeyValue, type: string): Checked {
  const [min, max] = ranges[type]!
  const isNumber = typeof value === 'number' && Number.isSafeInteger(value)
  const isText = type === 'int8' && typeof value === 'string' && /^(0|-?[1-9]\d{0,18})$/.test(value)
  if (!isNumber && !isText)
    return { error: type === 'int8' ? 'must be a whole number, or one as text' : 'must be a whole number' }
  const exact = BigInt(value)
  if (exact < min || exact > max) return { error: `must be from ${min} to ${max}` }
  return { value: type === 'int8' ? exact.toString() : Number(value) }
}

function checkFloat(value: KeyValue): Checked {
  const isNumber =
    typeof value === 'number' || (typeof value === 'string' && /^(NaN|-?Infinity)$/.test(value))
  return isNumber ? { value } : { error: 'must be a number' }
}
