import { LockMode } from '@mikro-orm/core'
import type { EntityManager } from '../platform/database.ts'
import { Delivery } from './delivery.ts'
import { deliveryProblems } from './errors.ts'

/** @throws Problem DELIVERY_UNKNOWN */
export async function findDelivery(em: EntityManager, id: string): Promise<Delivery> {
  const delivery = await em.fork().findOne(Delivery, { id })
  if (delivery === null) throw deliveryProblems.DELIVERY_UNKNOWN(`There is no delivery ${id}.`)
  return delivery
}

/** Read afresh and locked until the transaction ends. @throws Problem DELIVERY_UNKNOWN */
export async function lockDelivery(em: EntityManager, id: string): Promise<Delivery> {
  const delivery = await em.findOne(Delivery, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true })
  if (delivery === null) throw deliveryProblems.DELIVERY_UNKNOWN(`There is no delivery ${id}.`)
  return delivery
}

/** Where the page of the delivery is whose originals a cleanup removes; null when there is none. */
export async function pathOfOrigin(em: EntityManager, { id }: { id: string }): Promise<string | null> {
  const delivery = await em.fork().findOne(Delivery, { cleanupId: id }, { orderBy: { id: 'desc' } })
  return delivery && `/deliveries/${delivery.id}`
}
