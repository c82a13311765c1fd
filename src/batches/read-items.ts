import type { Readable } from 'node:stream'
import { readJson } from '../platform/json-text.ts'
import { findUnfit, isSurelyFit } from '../platform/unfit-values.ts'
import { batchProblems } from './errors.ts'
import type { NewItem } from './queries.ts'
import { splitArray, splitLines, type Piece } from './split-items.ts'

/** Of one item, in characters. */
const longestItem = 262_144
const longestId = 200

/**
 * Reads items from a request's body as they arrive, holding no more than a few of them.
 * @param type application/x-ndjson: an item on each line; else JSON, `{ "items": [ … ] }`
 * @throws Problem ITEMS_MALFORMED, which names the line or the item
 */
export async function* readItems(body: Readable, type: 'ndjson' | 'json'): AsyncGenerator<NewItem> {
  const pieces =
    type === 'ndjson' ? splitLines(decoded(body), longestItem) : splitArray(decoded(body), longestItem)
  for await (const { text, pointer } of pieces) yield parseItem(text, pointer)
}

async function* decoded(body: Readable): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  try {
    for await (const chunk of body) yield decoder.decode(chunk as Buffer, { stream: true })
    yield decoder.decode()
  } catch (error) {
    if (error instanceof TypeError) throw batchProblems.ITEMS_MALFORMED('The body is not UTF-8.')
    throw batchProblems.ITEMS_MALFORMED('The body broke off.', { cause: error })
  }
}

/** @param pointer where it stands, for whoever has to mend it @throws Problem ITEMS_MALFORMED */
export function parseItem(text: string, pointer: string): NewItem {
  if (text.length > longestItem) throw malformed(pointer, `is longer than ${longestItem} characters`)
  const read = readJson(text)
  if ('fault' in read) throw malformed(pointer, read.fault.reason)
  const { value } = read
  if (!isSurelyFit(text)) {
    const [unfit] = findUnfit(value)
    if (unfit !== undefined) throw malformed(`${pointer}${unfit.pointer}`, unfit.detail)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw malformed(pointer, 'must be an object')
  const { id, payload, ...others } = value as Record<string, unknown>
  if (typeof id !== 'string' || id.length === 0 || id.length > longestId)
    throw malformed(`${pointer}/id`, `must be a text of 1 to ${longestId} characters`)
  if (payload !== undefined && (typeof payload !== 'object' || payload === null || Array.isArray(payload)))
    throw malformed(`${pointer}/payload`, 'must be an object')
  for (const name of Object.keys(others)) throw malformed(`${pointer}/${name}`, 'is not known here')
  return { id, payload }
}

export function malformed(pointer: string, detail: string): Error {
  return batchProblems.ITEMS_MALFORMED(`${pointer} ${detail}.`, { errors: [{ pointer, detail }] })
}

export type { Piece }
