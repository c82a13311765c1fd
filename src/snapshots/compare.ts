import type pg from 'pg'
import type { Dataset } from '../datasets/definition.ts'
import { compareKeys } from '../source/keys.ts'
import type { ArtifactRecord } from './artifact-reader.ts'
import { captureFewRecords, type RecordLine } from './capture.ts'
import { keyCondition } from '../source/keys.ts'
import type { KeyValue } from './manifest.ts'

/** A record as the artifact and the source have it; at least one of them does. */
export interface RecordPair {
  key: KeyValue[]
  stored: Buffer | null
  live: RecordLine | null
}

/**
 * Merges two streams of records in key order. Lines are deterministic, so equal records are equal bytes and nothing
 * needs parsing to see that; what differs is for the caller to look into.
 */
export async function* mergePairs(
  dataset: Dataset,
  stored: AsyncIterable<ArtifactRecord[]>,
  live: AsyncIterable<RecordLine[]>,
): AsyncGenerator<RecordPair[]> {
  const orders = dataset.root.key.map((column) => column.keyOrder)
  const left = new Batches(stored)
  const right = new Batches(live)
  try {
    await Promise.all([left.fill(), right.fill()])
    while (left.head !== null || right.head !== null) {
      const pairs: RecordPair[] = []
      while (!left.isEmpty && !right.isEmpty) pairs.push(takePair(left, right, orders))
      if (left.isEmpty) await left.fill()
      if (right.isEmpty) await right.fill()
      if (left.head === null)
        pairs.push(...right.takeAll().map((line) => ({ key: line.key, stored: null, live: line })))
      if (right.head === null)
        pairs.push(...left.takeAll().map(({ key, json }) => ({ key, stored: json, live: null })))
      if (left.isEmpty) await left.fill()
      if (right.isEmpty) await right.fill()
      yield pairs
    }
  } finally {
    await Promise.all([left.close(), right.close()])
  }
}

function takePair(
  left: Batches<ArtifactRecord>,
  right: Batches<RecordLine>,
  orders: Parameters<typeof compareKeys>[2],
): RecordPair {
  const order = compareKeys(left.head!.key, right.head!.key, orders)
  const stored = order <= 0 ? left.take() : null
  const live = order >= 0 ? right.take() : null
  return { key: (stored ?? live)!.key, stored: stored?.json ?? null, live }
}

/** A stream of batches with the item at hand. */
class Batches<T> {
  #batches: AsyncIterator<T[]>
  #batch: T[] = []
  #at = 0

  constructor(batches: AsyncIterable<T[]>) {
    this.#batches = batches[Symbol.asyncIterator]()
  }

  get head(): T | null {
    return this.#batch[this.#at] ?? null
  }

  get isEmpty(): boolean {
    return this.#at >= this.#batch.length
  }

  take(): T {
    return this.#batch[this.#at++]!
  }

  takeAll(): T[] {
    const rest = this.#batch.slice(this.#at)
    this.#at = this.#batch.length
    return rest
  }

  /** Gets the next batch that isn't empty; none at the end. */
  async fill(): Promise<void> {
    while (this.isEmpty) {
      const { value, done } = await this.#batches.next()
      if (done) return
      this.#batch = value
      this.#at = 0
    }
  }

  async close(): Promise<void> {
    await this.#batches.return?.()
  }
}

/** How many records are looked up by key at a time. */
const lookupRecords = 100

/**
 * Pairs stored records with the source's by looking each key up, in batches: for restores of given keys, and for
 * periods, whose records may have moved out of the period since.
 */
export async function* lookUpPairs(
  client: pg.ClientBase,
  dataset: Dataset,
  stored: AsyncIterable<{ key: KeyValue[]; json: Buffer | null }[]>,
): AsyncGenerator<RecordPair[]> {
  for await (const batch of stored) {
    for (let i = 0; i < batch.length; i += lookupRecords) {
      const wanted = batch.slice(i, i + lookupRecords)
      const found = new Map<string, RecordLine>()
      const condition = keyCondition(
        't0',
        dataset.root.key,
        wanted.map(({ key }) => key),
      )
      for await (const lines of captureFewRecords(client, dataset, condition))
        for (const line of lines) found.set(JSON.stringify(line.key), line)
      yield wanted
        .map(({ key, json }) => ({ key, stored: json, live: found.get(JSON.stringify(key)) ?? null }))
        .filter((pair) => pair.stored !== null || pair.live !== null)
    }
  }
}

/**
 * Looks again for records that seem to be missing: a period's stream doesn't show those that have left the period.
 * @param client a connection that sees the same instant as the live stream
 */
export async function* withStrays(
  client: pg.ClientBase,
  dataset: Dataset,
  pairs: AsyncIterable<RecordPair[]>,
): AsyncGenerator<RecordPair[]> {
  for await (const batch of pairs) {
    const missing = batch
      .filter((pair) => pair.live === null)
      .map(({ key, stored }) => ({ key, json: stored }))
    if (missing.length === 0) yield batch
    else {
      const found = new Map<string, RecordPair>()
      for await (const looked of lookUpPairs(client, dataset, once(missing)))
        for (const pair of looked) found.set(JSON.stringify(pair.key), pair)
      yield batch.map((pair) => found.get(JSON.stringify(pair.key)) ?? pair)
    }
  }
}

async function* once<T>(batch: T[]): AsyncGenerator<T[]> {
  yield batch
}
