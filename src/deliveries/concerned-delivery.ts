import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Delivery } from './delivery.ts'
import { findDelivery } from './find-deliveries.ts'

/** The delivery that a request is about; a refusal then says so in the audit log. @throws Problem DELIVERY_UNKNOWN */
export async function concernedDelivery(
  app: FastifyInstance,
  request: FastifyRequest,
  id: string,
): Promise<Delivery> {
  const delivery = await findDelivery(app.orm.em, id)
  request.concern = { entityType: 'delivery', entityIds: [id], dataset: delivery.dataset }
  return delivery
}
