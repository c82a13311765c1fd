import type { FastifyInstance } from 'fastify'
import { systemActor } from '../audit/actor.ts'
import { announce } from '../notifications/announce.ts'
import type { EntityManager } from '../platform/database.ts'
import { failpoint } from '../platform/failpoints.ts'
import { auditBatch } from './audit-batch.ts'
import type { Batch } from './batch.ts'
import { lockBatch, topicOf } from './find-batches.ts'
import { deleteLeases } from './lease-queries.ts'
import { clearCounts, readStandings, type Standing } from './queries.ts'

/**
 * Ends a batch that has nothing left to do; does nothing otherwise. Whoever changes items calls it after the commit: of
 * two that settle the last items at the same time, the later one sees both.
 */
export async function settleBatch(app: FastifyInstance, id: string): Promise<void> {
  await app.orm.em.fork().transactional(async (em) => {
    const batch = await lockBatch(em, id)
    await settleLocked(app, em, batch)
  })
}

/** The same for a batch that is locked. @returns whether it has ended, now or before */
export async function settleLocked(app: FastifyInstance, em: EntityManager, batch: Batch): Promise<boolean> {
  if (batch.isOver()) return true
  const now = app.clock.now()
  const standing = (await readStandings(em, [batch.id], now)).get(batch.id)!
  const status = endOf(batch, standing)
  if (status === null) return false
  await deleteLeases(em, batch.id)
  const since = await clearCounts(em, batch.id)
  const { total, completed, failed } = batch
  const counts = {
    total: total + since.total,
    completed: completed + since.completed,
    failed: failed + since.failed,
  }
  batch.finish(status, counts, now)
  await auditBatch(
    em,
    batch,
    status === 'cancelled' ? 'cancelled' : 'finished',
    { actor: systemActor },
    {
      status,
      ...counts,
    },
  )
  const handler = batch.handler === null ? undefined : app.batches.handler(batch.handler)
  await handler?.finished?.(em, batch)
  await tell(app, em, batch)
  await app.signals.send(em, topicOf(batch.id))
  await failpoint('batch.settled')
  return true
}

/** Once for each end that it reaches. What was cancelled is known to whoever did that. */
async function tell(app: FastifyInstance, em: EntityManager, batch: Batch): Promise<void> {
  const { id, title, key, dataset, status, completed, failed } = batch
  if (dataset === null || status === 'cancelled') return
  await announce(app, em, {
    ...{ event: 'batch_finished', dataset, about: { type: 'batch', id } },
    facts: { batchId: id, title: title ?? key, completed, failed },
    key: batch.finishedAt!.toISOString(),
  })
}

/**
 * How a batch ends now; null: not yet. One that was cancelled waits for what is still under way. One without any items
 * waits for them, unless it is a built-in one, which is created with all it has.
 */
function endOf(batch: Batch, { total, completed, failed, hasLeased }: Standing) {
  if (batch.status === 'cancelling') return hasLeased ? null : 'cancelled'
  if (completed + failed < total || (total === 0 && batch.way !== 'built-in')) return null
  return failed > 0 ? 'completed_with_failures' : 'completed'
}
