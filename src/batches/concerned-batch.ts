import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Batch } from './batch.ts'
import { findBatch } from './find-batches.ts'

/** The batch that a request is about; a refusal then says so in the audit log. @throws Problem BATCH_UNKNOWN */
export async function concernedBatch(app: FastifyInstance, request: FastifyRequest): Promise<Batch> {
  const { id } = request.params as { id: string }
  const batch = await findBatch(app.orm.em, id)
  request.concern = {
    entityType: 'batch',
    entityIds: [id],
    ...(batch.dataset !== null && { dataset: batch.dataset }),
  }
  return batch
}
