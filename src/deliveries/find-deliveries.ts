import { LockMode, raw, type FilterQuery } from '@mikro-orm/core'
import type { EntityManager } from '../platform/database.ts'
import { Delivery } from './delivery.ts'
import { deliveryProblems } from './errors.ts'
import { effectiveStatus } from './queries.ts'

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

/** What a list of deliveries is narrowed to. */
export interface DeliveryFilter {
  dataset?: string | undefined
  /** As answers have it. */
  status?: string | undefined
}

/** @param before the last id of the page before @returns newest first; ids are ordered by time */
export async function findDeliveries(
  em: EntityManager,
  { dataset, status }: DeliveryFilter,
  limit: number,
  before?: string,
): Promise<Delivery[]> {
  const where: FilterQuery<Delivery> = {
    ...(dataset !== undefined && { dataset }),
    ...(status !== undefined && { [raw(effectiveStatus)]: status }),
    ...(before !== undefined && { id: { $lt: before } }),
  }
  return em.fork().find(Delivery, where, { orderBy: { id: 'desc' }, limit })
}
