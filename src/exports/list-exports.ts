import type { FilterQuery } from '@mikro-orm/core'
import type { FastifyInstance } from 'fastify'
import type { Actor } from '../audit/actor.ts'
import { countMatching } from '../platform/count-matching.ts'
import { timesBetween } from '../platform/filters.ts'
import type { Count } from '../platform/list-page.ts'
import { readPage, type Page, type SortedPageQuery } from '../platform/read-page.ts'
import { timeOrNone, type Sorting } from '../platform/sorting.ts'
import { Export, type ExportStatus } from './export.ts'
import type { ExportFormat } from './rendering.ts'
import { memberCondition, visibleOf } from './visible-exports.ts'

/** What a list of exports is narrowed to. */
export interface ListFilter {
  dataset?: string
  format?: ExportFormat
  status?: ExportStatus
  ids?: string[]
  /** RFC 3339 times between which they were asked for; `to` is exclusive. */
  from?: string
  to?: string
}

/** What exports can be sorted by; each has an index (migrations/lists.ts). */
export const exportSorting: Sorting<Export> = {
  columns: {
    made: { is: 'id' },
    dataset: { is: 'text', sql: 'dataset', of: (e) => e.dataset },
    format: { is: 'text', sql: 'format', of: (e) => e.format },
    status: { is: 'text', sql: 'status', of: (e) => e.status },
    size: { is: 'integer', sql: 'coalesce(bytes, -1)', of: (e) => e.bytes ?? -1 },
    expires: timeOrNone('expires_at', (e) => e.expiresAt),
  },
  usual: '-made',
}

/**
 * Lists the exports that somebody may see, newest first unless `sort` says otherwise.
 * @returns for a member perhaps fewer than `limit` although more may follow
 * @throws Problem CURSOR_INVALID, DATASET_…
 */
export async function listExports(
  app: FastifyInstance,
  actor: Actor,
  filter: ListFilter,
  page: SortedPageQuery,
): Promise<Page<Export>> {
  const where = [matching(filter), memberCondition(app, actor) ?? {}]
  const source = {
    ...{ em: app.orm.em, entity: Export, where, sorting: exportSorting },
    choose: async (found: Export[]) => {
      const visible = await visibleOf(app, actor, found)
      return (exported: Export) => visible.has(exported)
    },
  }
  return readPage(source, page)
}

/** How many match; null for a member, for whom that takes looking into each of them. */
export async function countExports(
  { orm }: FastifyInstance,
  actor: Actor,
  filter: ListFilter,
): Promise<Count | null> {
  return actor.role === 'member' ? null : countMatching(orm.em, Export, matching(filter))
}

function matching({ dataset, status, format, ids, from, to }: ListFilter): FilterQuery<Export> {
  return {
    deletedAt: null,
    ...(dataset !== undefined && { dataset }),
    ...(status !== undefined && { status }),
    ...(format !== undefined && { format }),
    ...(ids !== undefined && { id: { $in: ids } }),
    createdAt: timesBetween(from, to),
  }
}
