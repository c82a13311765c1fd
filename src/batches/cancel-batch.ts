import type { FastifyInstance } from 'fastify'
import type { Cause } from '../audit/actor.ts'
import { auditBatch } from './audit-batch.ts'
import type { Batch } from './batch.ts'
import { lockBatch, topicOf } from './find-batches.ts'
import { recoverAll } from './lease-queries.ts'
import { runJob } from './run-job.ts'
import { settleLocked } from './settle-batch.ts'

/**
 * Gives a batch up: what is not done will not be. Where Holdfast works itself, the batch is over when what is under way
 * has come to an end. What is over already stays as it is: cancelling twice, or too late, is no error.
 * @throws Problem BATCH_UNKNOWN
 */
export async function cancelBatch(app: FastifyInstance, id: string, cause: Cause): Promise<Batch> {
  return app.orm.em.fork().transactional(async (em) => {
    const batch = await lockBatch(em, id)
    if (batch.isOver() || batch.status === 'cancelling') return batch
    batch.status = 'cancelling'
    await em.flush()
    await auditBatch(em, batch, 'cancellation-requested', cause)
    if (!batch.isOurs()) await recoverAll(em, id)
    if (!(await settleLocked(app, em, batch))) await app.queue.enqueue(em, runJob, { id }, id)
    await app.signals.send(em, topicOf(id))
    return batch
  })
}
