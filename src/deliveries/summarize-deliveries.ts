import type { EntityManager } from '../platform/database.ts'
import { Delivery } from './delivery.ts'

/** Deliveries that are not over, those that wait for somebody to go on with them among them, oldest first. */
export async function unfinishedDeliveries(em: EntityManager): Promise<Delivery[]> {
  return em
    .fork()
    .find(Delivery, { status: { $in: ['preparing', 'delivering'] } }, { orderBy: { id: 'asc' }, limit: 20 })
}

/** Deliveries that failed, or that some files were missing from, newest first. */
export async function failedDeliveries(em: EntityManager, since: Date, limit: number): Promise<Delivery[]> {
  return em
    .fork()
    .find(
      Delivery,
      { status: { $in: ['failed', 'completed_with_failures'] }, finishedAt: { $gte: since } },
      { orderBy: { id: 'desc' }, limit },
    )
}
