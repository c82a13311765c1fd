import type { FastifyInstance } from 'fastify'
import { scopeLiteral } from '../datasets/scope-condition.ts'
import { keysOf } from '../datasets/scope.ts'
import { captureArtifact, type CapturedArtifact } from './artifact.ts'
import { scopeEmpty } from './errors.ts'
import type { CaptureTarget } from './produce-snapshot.ts'
import type { Snapshot } from './snapshot.ts'
import { readStats } from './stats.ts'

/** Up to this many keys one connection reads table after table, which saves opening the others. */
const fewKeys = 100

/**
 * Captures what a snapshot was asked to hold.
 * @throws Problem SCOPE_EMPTY when one of its keys has gone meanwhile; DATASET_…, SOURCE_…, STORE_…
 */
export async function captureScope(
  app: FastifyInstance,
  { dataset: name, scope, trigger }: Snapshot,
  target: CaptureTarget,
): Promise<CapturedArtifact> {
  const dataset = await app.datasets.current(name)
  const keys = keysOf(scope)
  const condition = scopeLiteral(dataset, scope)
  const artifact = await captureArtifact({
    ...target,
    source: app.datasets.source(dataset),
    dataset,
    scope,
    condition,
    few: keys !== null && keys.length <= fewKeys,
    trigger,
    now: () => app.clock.now(),
    stats: (client) => readStats(client, dataset, condition),
  })
  const found = artifact.counts[dataset.root.name] ?? 0
  if (keys !== null && found < keys.length) {
    throw scopeEmpty(
      `${keys.length - found} of the ${keys.length} records were deleted before they could be captured.`,
    )
  }
  return artifact
}
