import type pg from 'pg'
import type { Dataset } from '../datasets/definition.ts'
import type { SharedSnapshot } from '../source/shared-snapshot.ts'
import type { Store } from '../storage/store.ts'
import { readAbsentKeys, readRecords, type ArtifactRecord } from './artifact-reader.ts'
import { captureRecords } from './capture.ts'
import type { Condition } from './capture-queries.ts'
import { lookUpPairs, mergePairs, withStrays, type RecordPair } from './compare.ts'
import { frameOf } from './find-record.ts'
import type { KeyValue, Manifest } from './manifest.ts'
import { compareKeys, keyStart } from '../source/keys.ts'

export interface PairOptions {
  store: Store
  manifest: Manifest
  dataset: Dataset
  /** A connection that sees the instant. */
  client: pg.ClientBase
  instant: SharedSnapshot
  /** What the snapshot's scope selects in the source; null for all. Of no use for a safety snapshot or given keys. */
  condition: Condition
  /** Only these records of the snapshot. */
  keys?: KeyValue[][]
  /** Only records from this key on; not for a safety snapshot, whose pairs aren't in order. */
  start?: KeyValue[]
}

/**
 * Pairs a snapshot's records with the source's, in key order. By streams where all of a scope is compared, by looking
 * up where the keys are given: by the caller, by the scope, or because the snapshot holds what a restore touched.
 */
export function pairWithSource(options: PairOptions): AsyncGenerator<RecordPair[]> {
  const { store, manifest, dataset, client, instant, condition, keys, start } = options
  if (keys !== undefined) return lookUpPairs(client, dataset, readKeys(store, manifest, dataset, keys))
  const records = recordsFrom(store, manifest, dataset, start)
  if (manifest.restoreId !== null) return lookUpPairs(client, dataset, withAbsent(store, manifest, records))
  // A cleanup's holds what it removed, which may be less than its scope selects.
  if (manifest.cleanupId) return lookUpPairs(client, dataset, records)
  if (manifest.scope !== null && typeof manifest.scope === 'object' && 'keys' in manifest.scope)
    return lookUpPairs(client, dataset, records)
  const pairs = mergePairs(
    dataset,
    records,
    captureRecords(instant, dataset, both(condition, start && keyStart(dataset.root.key, start))),
  )
  return condition === null ? pairs : withStrays(client, dataset, pairs)
}

function both(condition: Condition, further: string | undefined): Condition {
  if (condition === null || further === undefined) return condition ?? further ?? null
  return `(${condition}) AND ${further}`
}

/** Whether all of the snapshot is paired by streams alone: none of the source's records is looked up on `client`. */
export function isStreamed({ manifest, condition, keys }: Omit<PairOptions, 'client' | 'instant'>): boolean {
  const { scope, restoreId, cleanupId } = manifest
  const listed = scope !== null && typeof scope === 'object' && 'keys' in scope
  return keys === undefined && condition === null && restoreId === null && !cleanupId && !listed
}

async function* recordsFrom(
  store: Store,
  manifest: Manifest,
  { root }: Dataset,
  start: KeyValue[] | undefined,
) {
  const { frames } = manifest
  if (start === undefined) return yield* readRecords(store, manifest, root.key.length)
  const orders = root.key.map((column) => column.keyOrder)
  const first = frameOf(frames, start, orders)
  const rest = first === null ? frames : frames.slice(frames.indexOf(first))
  for await (const records of readRecords(store, manifest, root.key.length, rest))
    yield records.filter(({ key }) => compareKeys(key, start, orders) >= 0)
}

async function* withAbsent(store: Store, manifest: Manifest, records: AsyncIterable<ArtifactRecord[]>) {
  yield* records
  for await (const keys of readAbsentKeys(store, manifest)) yield keys.map((key) => ({ key, json: null }))
}

/**
 * Reads single records out of an artifact, of which only the frames that can hold them are read and hashed.
 * @param keys in any order @returns those that are there, in key order
 */
export async function* readKeys(
  store: Store,
  manifest: Manifest,
  dataset: Dataset,
  keys: readonly KeyValue[][],
): AsyncGenerator<ArtifactRecord[]> {
  const wanted = new Set(keys.map((key) => JSON.stringify(key)))
  const orders = dataset.root.key.map((column) => column.keyOrder)
  const holding = new Set(keys.map((key) => frameOf(manifest.frames, key, orders)))
  for (const frame of manifest.frames.filter((frame) => holding.has(frame))) {
    for await (const records of readRecords(store, manifest, dataset.root.key.length, [frame])) {
      const found = records.filter(({ key }) => wanted.has(JSON.stringify(key)))
      if (found.length > 0) yield found
    }
  }
}
