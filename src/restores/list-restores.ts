import type { FilterQuery } from '@mikro-orm/core'
import type { FastifyInstance } from 'fastify'
import { timesBetween } from '../platform/filters.ts'
import { readPage, type Page, type SortedPageQuery } from '../platform/read-page.ts'
import type { Sorting } from '../platform/sorting.ts'
import type { Mode } from './plan.ts'
import { Restore, type RestoreStatus } from './restore.ts'

/** What a list of restores is narrowed to. */
export interface RestoreFilter {
  dataset?: string | undefined
  snapshotId?: string | undefined
  status?: RestoreStatus | undefined
  mode?: Mode | undefined
  /** RFC 3339 times between which they were asked for; `to` is exclusive. */
  from?: string | undefined
  to?: string | undefined
}

/** What restores can be sorted by; each has an index (migrations/lists.ts). */
export const restoreSorting: Sorting<Restore> = {
  columns: {
    asked: { is: 'id' },
    dataset: { is: 'text', sql: 'dataset', of: (r) => r.dataset },
    status: { is: 'text', sql: 'status', of: (r) => r.status },
    mode: { is: 'text', sql: 'mode', of: (r) => r.mode },
  },
  usual: '-asked',
}

/** Lists restores, newest first unless `sort` says otherwise. @throws Problem CURSOR_INVALID */
export async function listRestores(
  { orm }: FastifyInstance,
  filter: RestoreFilter,
  page: SortedPageQuery,
): Promise<Page<Restore>> {
  return readPage({ em: orm.em, entity: Restore, where: [matching(filter)], sorting: restoreSorting }, page)
}

function matching({ dataset, snapshotId, status, mode, from, to }: RestoreFilter): FilterQuery<Restore> {
  return {
    ...(dataset !== undefined && { dataset }),
    ...(snapshotId !== undefined && { snapshotId }),
    ...(status !== undefined && { status }),
    ...(mode !== undefined && { mode }),
    createdAt: timesBetween(from, to),
  }
}
