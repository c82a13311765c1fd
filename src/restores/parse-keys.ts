import type { FastifyInstance } from 'fastify'
import { parseScope, type Scope } from '../datasets/scope.ts'
import { findSnapshot } from '../snapshots/find-snapshots.ts'
import type { KeyValue } from '../snapshots/manifest.ts'

/**
 * Reads the keys of a request about a snapshot's records.
 * @throws Problem SCOPE_INVALID pointing at each that is wrong, SNAPSHOT_NOT_FOUND, DATASET_…
 */
export async function parseKeys(
  app: FastifyInstance,
  snapshotId: string,
  keys: NonNullable<Scope['keys']>,
): Promise<KeyValue[][]> {
  const { dataset } = await findSnapshot(app.orm.em, snapshotId)
  return parseScope(app.datasets.get(dataset), { keys }, '').keys
}
