import type { FastifyInstance } from 'fastify'
import type { Cause } from '../audit/actor.ts'
import { cancelBatch } from '../batches/cancel-batch.ts'
import { topicOf } from '../batches/find-batches.ts'
import { auditDelivery } from './audit-delivery.ts'
import type { Delivery } from './delivery.ts'
import { findDelivery, lockDelivery } from './find-deliveries.ts'

/**
 * Gives a delivery up; what was delivered stays where it is, and no cleanup is planned. What is over already stays as
 * it is: cancelling twice, or too late, is no error.
 * @throws Problem DELIVERY_UNKNOWN
 */
export async function cancelDelivery(app: FastifyInstance, id: string, cause: Cause): Promise<Delivery> {
  const delivery = await app.orm.em.fork().transactional(async (em) => {
    const delivery = await lockDelivery(em, id)
    if (delivery.status !== 'preparing') return delivery
    delivery.cancel(app.clock.now())
    await auditDelivery(em, delivery, 'cancelled', cause)
    await app.signals.send(em, topicOf(delivery.batchId))
    return delivery
  })
  if (delivery.status === 'delivering') await cancelBatch(app, delivery.batchId, cause)
  return findDelivery(app.orm.em, id)
}
