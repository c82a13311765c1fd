import type { FastifyInstance } from 'fastify'
import type { Dataset } from '../datasets/definition.ts'
import { scopeLiteral } from '../datasets/scope-condition.ts'
import type { Scope } from '../datasets/scope.ts'
import { readHeader } from '../snapshots/artifact-reader.ts'
import type { Condition } from '../snapshots/capture-queries.ts'
import type { SharedColumns } from '../snapshots/diff-record.ts'
import { findSnapshot } from '../snapshots/find-snapshots.ts'
import type { Manifest } from '../snapshots/manifest.ts'
import { readManifest } from '../snapshots/manifests.ts'
import type { CompletedSnapshot } from '../snapshots/snapshot.ts'
import type { SourcePool } from '../source/connect.ts'
import { allHeldKeys } from '../holds/find-holds.ts'
import { keyText } from '../holds/hold.ts'
import type { Store } from '../storage/store.ts'
import type { Restore } from './restore.ts'
import { shareColumns } from '../snapshots/shared-columns.ts'

/** Everything that planning and applying a restore work with. */
export interface RestoreContext {
  store: Store
  source: SourcePool
  dataset: Dataset
  snapshot: CompletedSnapshot
  manifest: Manifest
  condition: Condition
  shared: SharedColumns
  notes: string[]
  /** Records that are held now, as `keyText` writes their keys. */
  held: ReadonlySet<string>
  /** What a plan's hash is over besides the data. */
  identity: unknown
}

/**
 * @throws Problem when the snapshot, its manifest or the dataset can't be relied on, or don't fit each other
 */
export async function openContext(app: FastifyInstance, restore: Restore): Promise<RestoreContext> {
  const snapshot = (await findSnapshot(app.orm.em, restore.snapshotId)).requireCompleted()
  const dataset = await app.datasets.current(restore.dataset)
  const store = app.stores.main
  const manifest = await readManifest(store, snapshot)
  const held = await allHeldKeys(app.orm.em.fork(), dataset.name, app.clock.now())
  const { shared, notes } = shareColumns(dataset, await readHeader(store, manifest))
  return {
    store,
    source: app.datasets.source(dataset),
    dataset,
    snapshot,
    manifest,
    condition: scopeLiteral(dataset, snapshot.scope as Scope),
    shared,
    notes,
    held: new Set(held.map(keyText)),
    identity: { snapshot: snapshot.sha256, mode: restore.mode, keys: restore.keys },
  }
}
