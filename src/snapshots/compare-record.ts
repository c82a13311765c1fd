import type { FastifyInstance } from 'fastify'
import type { Dataset } from '../datasets/definition.ts'
import { Problem } from '../platform/errors.ts'
import type { KeyValue } from '../source/keys.ts'
import { readHeader } from './artifact-reader.ts'
import { diffRecord, type Row } from './diff-record.ts'
import { findRecord } from './find-record.ts'
import { findSnapshot } from './find-snapshots.ts'
import { changesOf, type RowChange } from './list-differences.ts'
import { readManifest } from './manifests.ts'
import { presentSnapshot } from './present-snapshot.ts'
import { shareColumns } from './shared-columns.ts'
import type { Snapshot } from './snapshot.ts'

/** How a snapshot has a record, beside the record as it is now. */
export type Version = 'as now' | 'differs' | 'not there' | 'unknown'

/**
 * Looks one record up in several snapshots; reads one frame of each, about a megabyte.
 * @param live the record's line as it is now; null when it is gone
 */
export async function versionsOf(
  app: FastifyInstance,
  dataset: Dataset,
  key: KeyValue[],
  live: Buffer | null,
  snapshots: Snapshot[],
) {
  const versions = []
  for (const snapshot of snapshots) {
    const version = await versionOf(app, dataset, key, live, snapshot)
    versions.push({ ...presentSnapshot(snapshot), version })
  }
  return versions
}

/** What an unfinished snapshot holds, or one whose bytes can't be read, isn't known. */
async function versionOf(
  app: FastifyInstance,
  dataset: Dataset,
  key: KeyValue[],
  live: Buffer | null,
  snapshot: Snapshot,
): Promise<Version> {
  try {
    const stored = await lineOf(app, dataset, key, snapshot)
    if (stored === null) return 'not there'
    return live !== null && stored.equals(live) ? 'as now' : 'differs'
  } catch (error) {
    if (error instanceof Problem) return 'unknown'
    throw error
  }
}

async function lineOf({ stores }: FastifyInstance, { root }: Dataset, key: KeyValue[], snapshot: Snapshot) {
  const manifest = await readManifest(stores.main, snapshot.requireCompleted())
  const orders = root.key.map((column) => column.keyOrder)
  return findRecord(stores.main, manifest, key, orders)
}

/**
 * What happened to one record since a snapshot, row by row.
 * @param live the record as it is now; null when it is gone
 * @throws Problem SNAPSHOT_NOT_FOUND, SNAPSHOT_NOT_COMPLETED, SNAPSHOT_CORRUPT, ARTIFACT_INCOMPATIBLE, STORE_…
 */
export async function compareRecord(
  app: FastifyInstance,
  dataset: Dataset,
  key: KeyValue[],
  live: Row | null,
  snapshotId: string,
): Promise<RowChange[]> {
  const snapshot = await findSnapshot(app.orm.em, snapshotId)
  const manifest = await readManifest(app.stores.main, snapshot.requireCompleted())
  const { shared } = shareColumns(dataset, await readHeader(app.stores.main, manifest))
  const line = await lineOf(app, dataset, key, snapshot)
  const stored = line && (JSON.parse(line.toString()) as Row)
  if (stored === null && live === null) return []
  return [...changesOf(key, diffRecord(dataset.root, shared, stored, live), shared)]
}
