import type { FilterQuery } from '@mikro-orm/core'
import type { FastifyInstance } from 'fastify'
import { readTypedKey } from '../datasets/read-typed-key.ts'
import { countMatching } from '../platform/count-matching.ts'
import type { Count } from '../platform/list-page.ts'
import { invalid } from '../platform/problem-answers.ts'
import { readPage, type Page, type SortedPageQuery } from '../platform/read-page.ts'
import { timeOrNone, type Sorting } from '../platform/sorting.ts'
import { Hold, keyText } from './hold.ts'

/** What a list of holds is narrowed to. */
export interface HoldFilter {
  dataset?: string
  /** One record's of `dataset`, its key as people type it. */
  key?: string
  ids?: string[]
}

/** What holds can be sorted by; each has an index (migrations/lists.ts). */
export const holdSorting: Sorting<Hold> = {
  columns: {
    since: { is: 'id' },
    dataset: { is: 'text', sql: 'dataset', of: (h) => h.dataset },
    by: { is: 'text', sql: `coalesce(created_by, '')`, of: (h) => h.createdBy ?? '' },
    until: timeOrNone('until', (h) => h.until),
  },
  usual: '-since',
}

/**
 * Lists holds, newest first unless `sort` says otherwise.
 * @throws Problem CURSOR_INVALID, VALIDATION_FAILED or SCOPE_INVALID for the key
 */
export async function listHolds(
  app: FastifyInstance,
  filter: HoldFilter,
  page: SortedPageQuery,
): Promise<Page<Hold>> {
  const where = matching(app, filter)
  return readPage({ em: app.orm.em, entity: Hold, where: [where], sorting: holdSorting }, page)
}

/** How many match. @throws as `listHolds` does */
export async function countHolds(app: FastifyInstance, filter: HoldFilter): Promise<Count> {
  return countMatching(app.orm.em, Hold, matching(app, filter))
}

function matching(app: FastifyInstance, { dataset, key, ids }: HoldFilter): FilterQuery<Hold> {
  if (key !== undefined && dataset === undefined)
    throw invalid([{ pointer: 'query:key', detail: 'needs the dataset that the record is of' }])
  return {
    ...(dataset !== undefined && { dataset }),
    ...(key !== undefined && { key: keyText(readTypedKey(app.datasets.get(dataset!), key)) }),
    ...(ids !== undefined && { id: { $in: ids } }),
  }
}
