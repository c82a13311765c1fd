import { failpoint } from '../platform/failpoints.ts'
import type { Store } from '../storage/store.ts'
import { attemptKey, manifestKey } from './file-names.ts'
import type { Snapshot } from './snapshot.ts'

/**
 * Removes one artifact: the manifest first, so that what is left after a crash is known to be incomplete.
 * @throws Problem STORE_UNREACHABLE
 */
export async function removeArtifact(store: Store, key: string): Promise<void> {
  await store.delete(manifestKey(key))
  await failpoint('snapshot.manifest-removed')
  await store.delete(key)
}

/** Removes all that a snapshot's attempts may have stored; only those before attempt `until` when it is given. */
export async function removeStored(
  store: Store,
  { key, attempts }: Snapshot,
  until = attempts + 1,
): Promise<void> {
  for (let attempt = 1; attempt < until; attempt++) await removeArtifact(store, attemptKey(key, attempt))
}
