import type { FastifyInstance } from 'fastify'
import { systemActor } from '../audit/actor.ts'
import type { Batch } from '../batches/batch.ts'
import { topicOf } from '../batches/find-batches.ts'
import type { EntityManager } from '../platform/database.ts'
import { auditDelivery } from './audit-delivery.ts'
import { concludeJob } from './conclude-job.ts'
import { lockDelivery } from './find-deliveries.ts'

/** Ends a delivery with its batch, in the same transaction; what has to follow a complete one is a job. */
export async function finishDelivery(
  app: FastifyInstance,
  em: EntityManager,
  id: string,
  batch: Batch,
): Promise<void> {
  const delivery = await lockDelivery(em, id)
  delivery.finish(batch, app.clock.now())
  const { status, total, completed, failed } = batch
  await auditDelivery(
    em,
    delivery,
    status === 'cancelled' ? 'cancelled' : 'finished',
    { actor: systemActor },
    { metadata: { status, total, completed, failed }, outcome: failed > 0 ? 'failed' : 'done' },
  )
  if (delivery.conclusionDue) await app.queue.enqueue(em, concludeJob, { id }, id)
  await app.signals.send(em, topicOf(batch.id))
}
