import { failpoint } from '../platform/failpoints.ts'
import type { Store } from '../storage/store.ts'
import type { Export } from './export.ts'
import { attemptKey, manifestKey } from './file-names.ts'

/**
 * Removes one file: its manifest first, so that what is left after a crash is known to be incomplete.
 * @throws Problem STORE_UNREACHABLE
 */
export async function removeFile(store: Store, key: string): Promise<void> {
  await store.delete(manifestKey(key))
  await failpoint('export.manifest-removed')
  await store.delete(key)
}

/** Removes all that an export's attempts may have stored; only those before attempt `until` when it is given. */
export async function removeStored(
  store: Store,
  { key, attempts }: Export,
  until = attempts + 1,
): Promise<void> {
  for (let attempt = 1; attempt < until; attempt++) await removeFile(store, attemptKey(key, attempt))
}
