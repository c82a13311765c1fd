import { compareKeys } from '../source/keys.ts'
import type { KeyOrder } from '../source/catalog.ts'
import type { Store } from '../storage/store.ts'
import { readRecords } from './artifact-reader.ts'
import type { Frame, KeyValue, Manifest } from './manifest.ts'

/**
 * Looks a record up in an artifact; reads one frame, about a megabyte.
 * @param orders of the key's columns
 * @returns the record's line, or null when the artifact doesn't hold it
 * @throws Problem SNAPSHOT_CORRUPT, STORE_UNREACHABLE
 */
export async function findRecord(
  store: Store,
  manifest: Manifest,
  key: KeyValue[],
  orders: readonly KeyOrder[],
): Promise<Buffer | null> {
  const frame = frameOf(manifest.frames, key, orders)
  if (frame === null) return null
  for await (const batch of readRecords(store, manifest, orders.length, [frame])) {
    const found = batch.find((record) => compareKeys(record.key, key, orders) === 0)
    if (found) return found.json
  }
  return null
}

/** The last frame that starts at or before the key; records don't cross frames. */
export function frameOf(frames: Frame[], key: KeyValue[], orders: readonly KeyOrder[]): Frame | null {
  const starts = (frame: Frame) => frame.firstKey?.length === orders.length
  return frames.findLast((frame) => starts(frame) && compareKeys(frame.firstKey!, key, orders) <= 0) ?? null
}
