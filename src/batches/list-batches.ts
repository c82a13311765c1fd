import type { FilterQuery } from '@mikro-orm/core'
import type { EntityManager } from '../platform/database.ts'
import { containing } from '../platform/filters.ts'
import { readPage, type Page, type SortedPageQuery } from '../platform/read-page.ts'
import { timeOrNone, type Sorting } from '../platform/sorting.ts'
import { Batch, unfinished, type BatchStatus } from './batch.ts'

/** What a list of batches is narrowed to. */
export interface BatchFilter {
  /** `incomplete`: all that are not over, those that wait for somebody to go on with them among them. */
  status?: BatchStatus | 'incomplete' | undefined
  dataset?: string | undefined
  key?: string | undefined
  /** Built-in work goes by its handler's name. */
  handler?: string | undefined
  /** What it was made by: `request`, or the kind of thing whose work it does. */
  originType?: string | undefined
  /** Part of the title or the key. */
  q?: string | undefined
}

export const batchSorting: Sorting<Batch> = {
  columns: {
    created: { is: 'id' },
    batch: { is: 'text', sql: 'coalesce(title, key)', of: ({ title, key }) => title ?? key },
    status: { is: 'text', sql: 'status', of: ({ status }) => status },
    by: { is: 'text', sql: `coalesce(created_by, '')`, of: ({ createdBy }) => createdBy ?? '' },
    over: timeOrNone('finished_at', ({ finishedAt }) => finishedAt),
  },
  usual: '-created',
}

/** A page of batches, newest first unless `sort` says otherwise. @throws Problem CURSOR_INVALID */
export async function listBatches(
  em: EntityManager,
  filter: BatchFilter,
  page: SortedPageQuery = {},
): Promise<Page<Batch>> {
  const where = conditionOf(filter)
  return readPage({ em, entity: Batch, where: [where], sorting: batchSorting }, page)
}

function conditionOf({ status, dataset, key, handler, originType, q }: BatchFilter): FilterQuery<Batch> {
  const like = q === undefined ? null : containing(q)
  return {
    ...(status !== undefined && { status: status === 'incomplete' ? { $in: [...unfinished] } : status }),
    ...(dataset !== undefined && { dataset }),
    ...(key !== undefined && { key }),
    ...(handler !== undefined && wayOf(handler)),
    ...(originType !== undefined && { originType }),
    ...(like && { $or: [{ key: like }, { title: like }] }),
  }
}

function wayOf(handler: string) {
  return handler === 'application' || handler === 'webhook' ? ({ way: handler } as const) : { handler }
}
