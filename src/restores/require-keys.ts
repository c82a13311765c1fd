import type { FastifyInstance } from 'fastify'
import type { Dataset } from '../datasets/definition.ts'
import type { KeyValue } from '../snapshots/manifest.ts'
import { readManifest } from '../snapshots/manifests.ts'
import { readKeys } from '../snapshots/pair-with-source.ts'
import type { CompletedSnapshot } from '../snapshots/snapshot.ts'
import { restoreProblems } from './errors.ts'

/** Keys named in a refusal at most. */
const named = 20

/**
 * Makes sure that the snapshot holds the records that shall be restored: for one that it lacks, "as in the snapshot"
 * would mean deleting it, which nobody asks for this way.
 * @returns the keys, without repetitions
 * @throws Problem KEY_NOT_IN_SNAPSHOT
 */
export async function requireKeys(
  app: FastifyInstance,
  dataset: Dataset,
  snapshot: CompletedSnapshot,
  keys: KeyValue[][],
): Promise<KeyValue[][]> {
  const store = app.stores.main
  const manifest = await readManifest(store, snapshot)
  const missing = new Map(keys.map((key) => [JSON.stringify(key), key]))
  const wanted = [...missing.values()]
  for await (const records of readKeys(store, manifest, dataset, wanted))
    for (const { key } of records) missing.delete(JSON.stringify(key))
  if (missing.size === 0) return wanted
  const list = [...missing.keys()].slice(0, named).join(', ')
  throw restoreProblems.KEY_NOT_IN_SNAPSHOT(`Snapshot ${snapshot.id} has no record with the key ${list}.`, {
    errors: keys.flatMap((key, i) =>
      missing.has(JSON.stringify(key)) ? [{ pointer: `/keys/${i}`, detail: 'is not in the snapshot' }] : [],
    ),
  })
}
