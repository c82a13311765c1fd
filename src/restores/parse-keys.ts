import type { FastifyInstance } from 'fastify'
import { keysOf, parseScope } from '../datasets/scope.ts'
import { findSnapshot } from '../snapshots/find-snapshots.ts'
import type { KeyValue } from '../snapshots/manifest.ts'

/**
 * Reads the keys of a request about a snapshot's records.
 * @throws Problem SCOPE_INVALID pointing at each that is wrong, SNAPSHOT_NOT_FOUND, DATASET_…
 */
export async function parseKeys(
  app: FastifyInstance,
  snapshotId: string,
  keys: unknown[],
): Promise<KeyValue[][]> {
  const { dataset } = await findSnapshot(app.orm.em, snapshotId)
  return keysOf(parseScope({ keys }, app.datasets.get(dataset), ''))!
}
