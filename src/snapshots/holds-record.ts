import { raw, type FilterQuery } from '@mikro-orm/core'
import type { FastifyInstance } from 'fastify'
import type { Dataset } from '../datasets/definition.ts'
import { readTypedKey } from '../datasets/read-typed-key.ts'
import { keysOf } from '../datasets/scope.ts'
import { Problem } from '../platform/errors.ts'
import { invalid } from '../platform/problem-answers.ts'
import type { KeyValue } from '../source/keys.ts'
import type { Store } from '../storage/store.ts'
import { findRecord } from './find-record.ts'
import { readManifest } from './manifests.ts'
import type { Snapshot } from './snapshot.ts'

/** Whether snapshots cover one record: what the database can tell, and what has to be asked of each. */
export interface RecordCoverage {
  condition: FilterQuery<Snapshot>
  /** @throws Problem STORE_UNREACHABLE */
  covers(snapshot: Snapshot): Promise<boolean>
}

/**
 * Coverage of a record by scope: everything covers it, and a list of keys that has it. Which records fell into a
 * period, and which ones a restore or a cleanup touched, only the artifact tells: it is looked up there.
 * @param text the record's key as people type it
 * @throws Problem VALIDATION_FAILED, SCOPE_INVALID, DATASET_…
 */
export function recordCoverage(app: FastifyInstance, name: string | undefined, text: string): RecordCoverage {
  if (name === undefined)
    throw invalid([{ pointer: 'query:key', detail: 'needs the dataset that the record is of' }])
  const dataset = app.datasets.get(name)
  const key = readTypedKey(dataset, text)
  const listed = JSON.stringify([key.length === 1 ? key[0] : key])
  return {
    condition: {
      $or: [
        { [raw(`scope -> 'all'`)]: { $ne: null }, restoreId: null, cleanupId: null },
        { [raw(`scope -> 'keys' @> ?::jsonb`, [listed])]: true },
        { [raw(`scope -> 'all'`)]: null, [raw(`scope -> 'keys'`)]: null, status: 'completed' },
        { restoreId: { $ne: null }, status: 'completed' },
        { cleanupId: { $ne: null }, status: 'completed' },
      ],
    },
    covers: (snapshot) => covers(app.stores.main, dataset, snapshot, key),
  }
}

async function covers(store: Store, dataset: Dataset, snapshot: Snapshot, key: KeyValue[]): Promise<boolean> {
  const { scope, restoreId, cleanupId } = snapshot
  const keys = keysOf(scope)
  if (keys !== null) return keys.some((listed) => JSON.stringify(listed) === JSON.stringify(key))
  if ('all' in scope && restoreId === null && cleanupId === null) return true
  const orders = dataset.root.key.map((column) => column.keyOrder)
  try {
    const manifest = await readManifest(store, snapshot.requireCompleted())
    return (await findRecord(store, manifest, key, orders)) !== null
  } catch (error) {
    if (error instanceof Problem && error.code === 'SNAPSHOT_CORRUPT') return false
    throw error
  }
}
