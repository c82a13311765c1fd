import type { Dataset } from '../datasets/definition.ts'
import type { KeyValue } from '../source/keys.ts'
import type { Store } from '../storage/store.ts'
import { readRecords } from './artifact-reader.ts'
import type { Row } from './diff-record.ts'
import type { Manifest } from './manifest.ts'

/** A record that a snapshot holds. */
export interface FoundRecord {
  key: KeyValue[]
  label: string
}

export interface FoundRecords {
  items: FoundRecord[]
  /** All that match; else there are more, or not all frames were read. */
  isAll: boolean
}

/** How many frames, of about a megabyte, one search reads at most. */
const framesAtMost = 256

/**
 * Looks for the records of an artifact whose key or label contains a text, whatever its case, in the order of their keys.
 * @param atMost how many are looked for
 * @throws Problem SNAPSHOT_CORRUPT, STORE_UNREACHABLE
 */
export async function searchRecords(
  store: Store,
  manifest: Manifest,
  { root }: Dataset,
  text: string,
  atMost: number,
  signal?: AbortSignal,
): Promise<FoundRecords> {
  const wanted = text.toLowerCase()
  const items: FoundRecord[] = []
  const frames = manifest.frames.slice(0, framesAtMost)
  for await (const batch of readRecords(store, manifest, root.key.length, frames)) {
    signal?.throwIfAborted()
    for (const { key, json } of batch) {
      const label = String((JSON.parse(json.toString()) as Row)[root.label.name] ?? '')
      if (![label, ...key.map(String)].some((part) => part.toLowerCase().includes(wanted))) continue
      if (items.length === atMost) return { items, isAll: false }
      items.push({ key, label: label || key.map(String).join(', ') })
    }
  }
  return { items, isAll: frames.length === manifest.frames.length }
}
