import type { KeyValue } from './manifest.ts'

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const colon = 0x3a
const closeBrace = 0x7d

/**
 * Reads a record's key off the start of its line, where the key's columns stand first, without parsing the rest.
 * @param columns how many columns the key has
 * @throws Error when the line doesn't start with that many scalar fields
 */
export function readKey(json: Buffer, columns: number): KeyValue[] {
  const key: KeyValue[] = []
  let at = 1
  for (let i = 0; i < columns; i++) {
    const start = endOfString(json, at) + 1
    if (json[start - 1] !== quote || json[start] !== colon) throw new Error('a record line without its key')
    const end = json[start + 1] === quote ? endOfString(json, start + 1) + 1 : endOfScalar(json, start + 1)
    key.push(JSON.parse(json.toString('utf8', start + 1, end)) as KeyValue)
    at = end + 1
  }
  return key
}

/** Where the string that opens at `at` closes: an unescaped quote. */
function endOfString(json: Buffer, at: number): number {
  let end = at + 1
  while (end < json.length && json[end] !== quote) end += json[end] === backslash ? 2 : 1
  return end
}

function endOfScalar(json: Buffer, at: number): number {
  let end = at
  while (end < json.length && json[end] !== comma && json[end] !== closeBrace) end++
  return end
}
