import type { FastifyInstance } from 'fastify'
import type { Cause } from '../audit/actor.ts'
import { auditBatch } from './audit-batch.ts'
import type { Batch } from './batch.ts'
import { lockBatch, topicOf } from './find-batches.ts'
import { retryItems, type Retried } from './item-queries.ts'
import { addCounts } from './queries.ts'
import { runJob } from './run-job.ts'

/**
 * Goes on with a batch that was paused, and has failed items done again where that is asked for: then also one that had
 * ended. Where there is nothing to go on with, nothing changes.
 * @param retry which failed items; null: none
 * @throws Problem BATCH_UNKNOWN, BATCH_CANCELLED, BATCH_TIDIED
 */
export async function resumeBatch(
  app: FastifyInstance,
  id: string,
  cause: Cause,
  retry: Retried | null = null,
): Promise<Batch> {
  return app.orm.em.fork().transactional(async (em) => {
    const batch = await lockBatch(em, id)
    const wasPaused = batch.resume()
    if (retry !== null) batch.requireItems()
    const retried = retry === null ? 0 : await retryItems(em, id, retry)
    if (retried > 0) {
      await addCounts(em, id, { total: 0, completed: 0, failed: -retried })
      batch.goOn()
    }
    if (!wasPaused && retried === 0) return batch
    await auditBatch(em, batch, 'resumed', cause, { retried })
    if (batch.isOurs()) await app.queue.enqueue(em, runJob, { id }, id)
    await app.signals.send(em, topicOf(id))
    return batch
  })
}
