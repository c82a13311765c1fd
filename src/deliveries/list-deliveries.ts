import { raw, type FilterQuery } from '@mikro-orm/core'
import type { EntityManager } from '../platform/database.ts'
import { readPage, type Page, type SortedPageQuery } from '../platform/read-page.ts'
import { timeOrNone, type Sorting } from '../platform/sorting.ts'
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

export const deliverySorting: Sorting<Delivery> = {
  columns: {
    created: { is: 'id' },
    dataset: { is: 'text', sql: 'dataset', of: ({ dataset }) => dataset },
    to: { is: 'text', sql: `destination ->> 'type'`, of: ({ destination }) => destination.type },
    by: { is: 'text', sql: `coalesce(created_by, '')`, of: ({ createdBy }) => createdBy ?? '' },
    cleanup: timeOrNone('cleanup_scheduled_at', ({ cleanupScheduledAt }) => cleanupScheduledAt),
  },
  usual: '-created',
}

/** A page of deliveries, newest first unless `sort` says otherwise. @throws Problem CURSOR_INVALID */
export async function listDeliveries(
  em: EntityManager,
  { dataset, status, destination }: DeliveryFilter,
  page: SortedPageQuery = {},
): Promise<Page<Delivery>> {
  const where: FilterQuery<Delivery> = {
    ...(dataset !== undefined && { dataset }),
    ...(destination !== undefined && { destination: { type: destination } }),
    ...(status !== undefined && { [raw(effectiveStatus)]: status }),
  }
  return readPage({ em, entity: Delivery, where: [where], sorting: deliverySorting }, page)
}
