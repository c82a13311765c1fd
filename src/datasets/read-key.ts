import type { Column } from '../source/catalog.ts'
import type { KeyValue } from '../source/keys.ts'

type Note = (at: string, detail: string) => void

/**
 * Reads a record's key from a request, in the way artifacts print it.
 * @param key a value, or a list with one per column
 * @param note told what is wrong, and where below the key
 * @returns null when anything is
 */
export function readKey(
  columns: readonly Column[],
  key: KeyValue | KeyValue[],
  note: Note,
): KeyValue[] | null {
  const values = Array.isArray(key) ? key : [key]
  if (values.length !== columns.length) {
    const names = columns.map(({ name }) => name).join(', ')
    note(
      '',
      columns.length === 1
        ? `must be one value: ${names}`
        : `must be a list of ${columns.length} values: ${names}`,
    )
    return null
  }
  const read = values.map((value, i) =>
    readValue(columns[i]!, value, (detail) => note(Array.isArray(key) ? `/${i}` : '', detail)),
  )
  return read.every((value) => value !== null) ? read : null
}

/** Whole numbers by type, lowest and highest. */
const ranges: Record<string, [bigint, bigint]> = {
  int2: [-32_768n, 32_767n],
  int4: [-2_147_483_648n, 2_147_483_647n],
  int8: [-9_223_372_036_854_775_808n, 9_223_372_036_854_775_807n],
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

function readValue(column: Column, value: KeyValue, note: (detail: string) => void): KeyValue | null {
  const refuse = (expected: string) => {
    note(`must be ${expected}, as ${column.name} is ${column.type}`)
    return null
  }
  const { baseType } = column
  if (ranges[baseType]) return readInteger(baseType, value) ?? refuse(integerWords(baseType))
  if (baseType === 'bool') return typeof value === 'boolean' ? value : refuse('true or false')
  if (column.keyOrder === 'float') return typeof value === 'number' ? value : refuse('a number')
  if (typeof value !== 'string') return refuse('a string')
  if (value.includes('\0')) return refuse('text without a NUL character')
  if (baseType === 'uuid') return uuid.test(value) ? value.toLowerCase() : refuse('a UUID')
  if (baseType === 'bpchar') return value.padEnd(Number(/\((\d+)\)/.exec(column.type)?.[1] ?? 1))
  return value
}

function integerWords(baseType: string): string {
  const [low, high] = ranges[baseType]!
  return `a whole number from ${low} to ${high}${baseType === 'int8' ? ' (as a string beyond 2^53)' : ''}`
}

/** int8 is a string in artifacts; both are taken, as long as they are exact. */
function readInteger(baseType: string, value: KeyValue): KeyValue | null {
  if (typeof value === 'boolean' || (typeof value === 'number' && !Number.isSafeInteger(value))) return null
  const text = String(value)
  if (!/^(0|-?[1-9]\d{0,18})$/.test(text)) return null
  const [low, high] = ranges[baseType]!
  const exact = BigInt(text)
  if (exact < low || exact > high) return null
  return baseType === 'int8' ? text : Number(text)
}
