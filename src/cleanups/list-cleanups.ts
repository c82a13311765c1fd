import type { FilterQuery } from '@mikro-orm/core'
import type { FastifyInstance } from 'fastify'
import { timesBetween } from '../platform/filters.ts'
import { readPage, type Page, type SortedPageQuery } from '../platform/read-page.ts'
import type { Sorting } from '../platform/sorting.ts'
import { Cleanup, type CleanupStatus, type CleanupTarget } from './cleanup.ts'

/** What a list of cleanups is narrowed to. */
export interface CleanupFilter {
  dataset?: string | undefined
  status?: CleanupStatus | undefined
  target?: CleanupTarget | undefined
  /** Those that wait. */
  pending?: boolean | undefined
  /** RFC 3339 times between which they were planned; `to` is exclusive. */
  from?: string | undefined
  to?: string | undefined
}

/** What cleanups can be sorted by; each has an index (migrations/lists.ts). */
export const cleanupSorting: Sorting<Cleanup> = {
  columns: {
    planned: { is: 'id' },
    due: { is: 'time', sql: 'due_at', of: (c) => c.dueAt },
    dataset: { is: 'text', sql: 'dataset', of: (c) => c.dataset },
    status: { is: 'text', sql: 'status', of: (c) => c.status },
  },
  usual: '-planned',
}

/** Lists cleanups, newest first unless `sort` says otherwise. @throws Problem CURSOR_INVALID */
export async function listCleanups(
  { orm }: FastifyInstance,
  filter: CleanupFilter,
  page: SortedPageQuery,
): Promise<Page<Cleanup>> {
  return readPage({ em: orm.em, entity: Cleanup, where: [matching(filter)], sorting: cleanupSorting }, page)
}

function matching({ dataset, status, target, pending, from, to }: CleanupFilter): FilterQuery<Cleanup> {
  return {
    ...(dataset !== undefined && { dataset }),
    ...(status !== undefined && { status }),
    ...(target !== undefined && { target }),
    ...(pending && { $and: [{ status: { $in: ['pending', 'awaiting_confirmation'] } }] }),
    createdAt: timesBetween(from, to),
  }
}
