import { raw, type FilterQuery } from '@mikro-orm/core'
import type { EntityManager } from '../platform/database.ts'
import { readPage, type Page, type PageQuery } from '../platform/read-page.ts'
import { orderOf, type Sorting } from '../platform/sorting.ts'
import { Delivery } from './delivery.ts'
import { effectiveStatus } from './queries.ts'
import type { destinationTypes } from './wanted-destination.ts'

/** What a list of deliveries is narrowed to. */
export interface DeliveryFilter {
  dataset?: string | undefined
  /** As answers have it. */
  status?: string | undefined
  destination?: (typeof destinationTypes)[number] | undefined
}

const never = '9999-12-31T00:00:00.000Z'

export const deliverySorting: Sorting<Delivery> = {
  columns: {
    created: { is: 'id' },
    dataset: { is: 'text', sql: 'dataset', of: ({ dataset }) => dataset },
    to: { is: 'text', sql: `destination ->> 'type'`, of: ({ destination }) => destination.type },
    by: { is: 'text', sql: `coalesce(created_by, '')`, of: ({ createdBy }) => createdBy ?? '' },
    cleanup: {
      is: 'time',
      sql: `coalesce(cleanup_scheduled_at, timestamptz '${never}')`,
      of: ({ cleanupScheduledAt }) => cleanupScheduledAt ?? new Date(never),
    },
  },
  usual: '-created',
}

/** A page of deliveries, newest first unless `sort` says otherwise. @throws Problem CURSOR_INVALID */
export async function listDeliveries(
  em: EntityManager,
  { dataset, status, destination }: DeliveryFilter,
  { sort, ...page }: PageQuery & { sort?: string | undefined } = {},
): Promise<Page<Delivery>> {
  const order = orderOf(deliverySorting, sort)
  const where: FilterQuery<Delivery> = {
    ...(dataset !== undefined && { dataset }),
    ...(destination !== undefined && { destination: { type: destination } }),
    ...(status !== undefined && { [raw(effectiveStatus)]: status }),
  }
  const find = (after: FilterQuery<Delivery>[], limit: number) =>
    em.fork().find(Delivery, { $and: [where, ...after] }, { orderBy: order.orderBy, limit })
  return readPage({ order, find }, page)
}
