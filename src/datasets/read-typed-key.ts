import { valueOfJson } from '../platform/json-text.ts'
import { invalid } from '../platform/problem-answers.ts'
import type { KeyValue } from '../source/keys.ts'
import type { Dataset } from './definition.ts'
import { keysOf, parseScope } from './scope.ts'
import { valueOf } from './typed-keys.ts'

/**
 * One record's key as people type it into an address: its value, or a JSON list where it has several columns.
 * @returns the key as artifacts have it
 * @throws Problem VALIDATION_FAILED or SCOPE_INVALID pointing at `query:key`
 */
export function readTypedKey(dataset: Dataset, text: string): KeyValue[] {
  const { key } = dataset.root
  const typed = key.length === 1 ? valueOf(text, key[0]!) : parseList(text)
  return keysOf(parseScope({ keys: [typed] }, dataset, 'query:key'))![0]!
}

function parseList(text: string): unknown {
  const value = valueOfJson(text)
  if (value !== undefined) return value
  throw invalid([
    { pointer: 'query:key', detail: 'must be a JSON list of the key’s values, such as ["a",1]' },
  ])
}
