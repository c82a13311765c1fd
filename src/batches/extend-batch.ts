import type { FastifyInstance } from 'fastify'
import type { Cause } from '../audit/actor.ts'
import { addItems, type Items } from './add-items.ts'
import { auditBatch } from './audit-batch.ts'
import type { Batch } from './batch.ts'
import { findBatch, lockBatch, topicOf } from './find-batches.ts'
import { runJob } from './run-job.ts'

/**
 * Adds items to a batch, all or none. Those whose id is there already stay as they are. A batch that had ended goes on.
 * @throws Problem BATCH_UNKNOWN, BATCH_CANCELLED, BATCH_TIDIED, and whatever `items` throws
 */
export async function extendBatch(
  app: FastifyInstance,
  id: string,
  items: Items,
  cause: Cause,
): Promise<{ batch: Batch; received: number; added: number }> {
  ;(await findBatch(app.orm.em, id)).requireItems()
  return app.orm.em.fork().transactional(async (em) => {
    const { received, added } = await addItems(em, id, items)
    // Not before: a stream of items may take its time, and others want to change the batch meanwhile.
    const batch = await lockBatch(em, id)
    batch.requireItems()
    if (added === 0) return { batch, received, added }
    batch.goOn()
    await auditBatch(em, batch, 'extended', cause, { received, added })
    if (batch.isOurs()) await app.queue.enqueue(em, runJob, { id }, id)
    await app.signals.send(em, topicOf(id))
    return { batch, received, added }
  })
}
