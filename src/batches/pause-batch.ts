import type { FastifyInstance } from 'fastify'
import type { Cause } from '../audit/actor.ts'
import { auditBatch } from './audit-batch.ts'
import type { Batch } from './batch.ts'
import { lockBatch, topicOf } from './find-batches.ts'

/**
 * Stops handing out items until the batch is resumed; what workers hold may still be reported. Pausing twice is no
 * error.
 * @param reason why, for whoever looks; null when somebody wanted it so
 * @throws Problem BATCH_UNKNOWN, BATCH_OVER
 */
export async function pauseBatch(
  app: FastifyInstance,
  id: string,
  cause: Cause,
  reason: string | null = null,
): Promise<Batch> {
  return app.orm.em.fork().transactional(async (em) => {
    const batch = await lockBatch(em, id)
    if (batch.pause(reason)) {
      await auditBatch(em, batch, 'paused', cause, { reason })
      await app.signals.send(em, topicOf(id))
    }
    return batch
  })
}
