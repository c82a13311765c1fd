import type { Store, StoredObject } from '../storage/store.ts'
import { recognise } from './file-names.ts'

/** What the store has under one artifact's key: the artifact, its manifest, or both. */
export interface StoredPair {
  key: string
  artifact: StoredObject | null
  manifest: StoredObject | null
}

/**
 * Goes through everything that looks like a snapshot's in the store, one key after the other. An artifact's key is the
 * beginning of its manifest's, so that the two come in a row in any listing that is sorted.
 */
export async function* storedPairs(store: Store): AsyncGenerator<StoredPair> {
  let pair: StoredPair = { key: '', artifact: null, manifest: null }
  for await (const object of store.list('')) {
    const found = recognise(object.key)
    if (found === null) continue
    if (pair.key !== found.artifact) {
      if (pair.key !== '') yield pair
      pair = { key: found.artifact, artifact: null, manifest: null }
    }
    pair[found.kind] = object
  }
  if (pair.key !== '') yield pair
}
