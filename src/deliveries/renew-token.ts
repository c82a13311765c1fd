import type { FastifyInstance } from 'fastify'
import type { Cause } from '../audit/actor.ts'
import { findBatch, topicOf } from '../batches/find-batches.ts'
import { resumeBatch } from '../batches/resume-batch.ts'
import type { Sealer } from '../platform/sealing.ts'
import { auditDelivery } from './audit-delivery.ts'
import type { Delivery } from './delivery.ts'
import { deliveryProblems } from './errors.ts'
import { findDelivery, lockDelivery } from './find-deliveries.ts'

/**
 * Gives a delivery another access token, and goes on with it where it was paused.
 * @throws Problem DELIVERY_UNKNOWN, DELIVERY_WITHOUT_TOKEN, DELIVERY_OVER
 */
export async function renewToken(
  app: FastifyInstance,
  sealer: Sealer,
  { id, accessToken }: { id: string; accessToken: string },
  cause: Cause,
): Promise<Delivery> {
  const sealed = await sealer.seal(accessToken, id)
  const delivery = await app.orm.em.fork().transactional(async (em) => {
    const delivery = await lockDelivery(em, id)
    delivery.requireToken()
    const batch = delivery.status === 'preparing' ? null : await findBatchOf(app, delivery)
    if (delivery.status !== 'preparing' && (batch === null || batch.isOver()))
      throw deliveryProblems.DELIVERY_OVER(`Delivery ${id} is over.`)
    delivery.sealedToken = sealed
    await auditDelivery(em, delivery, 'token-renewed', cause)
    await app.signals.send(em, topicOf(delivery.batchId))
    return delivery
  })
  if (delivery.status !== 'preparing') await resumeBatch(app, delivery.batchId, cause)
  return findDelivery(app.orm.em, id)
}

/** One that failed, or was given up early, never had a batch. */
async function findBatchOf(app: FastifyInstance, { status, batchId }: Delivery) {
  return status === 'failed' || status === 'cancelled' ? null : findBatch(app.orm.em, batchId)
}
