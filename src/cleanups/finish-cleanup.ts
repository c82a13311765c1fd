import type { FastifyInstance } from 'fastify'
import { systemActor } from '../audit/actor.ts'
import type { Batch } from '../batches/batch.ts'
import { announce } from '../notifications/announce.ts'
import type { EntityManager } from '../platform/database.ts'
import { failpoint } from '../platform/failpoints.ts'
import { auditCleanup, lockCleanup, topicOf } from './attempts.ts'
import type { Cleanup, CleanupCounts } from './cleanup.ts'
import { countOutcomes, sumChunks } from './queries.ts'

/** Ends a cleanup in the transaction in which its batch ended: what became of each record is known. */
export async function finishCleanup(app: FastifyInstance, em: EntityManager, batch: Batch): Promise<void> {
  const cleanup = await lockCleanup(em, batch.originId!)
  const counts = await countAll(em, cleanup)
  cleanup.end(batch.status === 'cancelled' ? 'cancelled' : 'completed', counts, app.clock.now())
  await em.flush()
  const system = { actor: systemActor }
  await auditCleanup(em, cleanup, cleanup.status, system, { metadata: { counts } })
  await announce(app, em, {
    event: 'cleanup_done',
    dataset: cleanup.dataset,
    about: { type: 'cleanup', id: cleanup.id },
    facts: {
      cleanupId: cleanup.id,
      ...{ scope: cleanup.scope, target: cleanup.target, counts: announcedCounts(cleanup, counts) },
      ...{ left: counts.left, snapshotId: cleanup.snapshotId },
    },
  })
  await app.signals.send(em, topicOf(cleanup.id))
  await failpoint('cleanup.finishing')
}

function announcedCounts({ target }: Cleanup, { tables, removed }: CleanupCounts): Record<string, number> {
  return target === 'records' ? tables : { objects: removed }
}

async function countAll(em: EntityManager, { id }: Cleanup): Promise<CleanupCounts> {
  const outcomes = await countOutcomes(em, id)
  const of = (wanted: string | null) => outcomes.find(({ outcome }) => outcome === wanted)?.items ?? 0
  const left = outcomes.filter(({ outcome }) => outcome !== null && outcome !== 'REMOVED')
  return {
    removed: of('REMOVED'),
    remaining: of(null),
    left: left.reduce((sum, { items }) => sum + items, 0),
    leftCounts: Object.fromEntries(left.map(({ outcome, items }) => [outcome, items])),
    ...(await sumChunks(em, id)),
  }
}
