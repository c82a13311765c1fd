import type { FilterQuery } from '@mikro-orm/core'
import type { FastifyInstance } from 'fastify'
import type { Actor } from '../audit/actor.ts'
import { countMatching } from '../platform/count-matching.ts'
import { timesBetween } from '../platform/filters.ts'
import type { Count } from '../platform/list-page.ts'
import { readPage, type Page, type SortedPageQuery } from '../platform/read-page.ts'
import { timeOrNone, type Sorting } from '../platform/sorting.ts'
import { recordCoverage } from './holds-record.ts'
import { Snapshot, type SnapshotStatus, type SnapshotTrigger } from './snapshot.ts'
import { memberCondition, visibleOf } from './visible-snapshots.ts'

export interface ListFilter {
  dataset?: string
  /** Those that cover this record of `dataset`, its key as people type it. */
  key?: string
  status?: SnapshotStatus
  trigger?: SnapshotTrigger
  ids?: string[]
  /** RFC 3339 times between which they were asked for; `to` is exclusive. */
  from?: string
  to?: string
}

/** What snapshots can be sorted by; each has an index (migrations/lists.ts). */
export const snapshotSorting: Sorting<Snapshot> = {
  columns: {
    taken: { is: 'id' },
    dataset: { is: 'text', sql: 'dataset', of: (s) => s.dataset },
    status: { is: 'text', sql: 'status', of: (s) => s.status },
    trigger: { is: 'text', sql: 'trigger', of: (s) => s.trigger },
    stored: { is: 'integer', sql: 'coalesce(stored_bytes, -1)', of: (s) => s.storedBytes ?? -1 },
    expires: timeOrNone('expires_at', (s) => s.expiresAt),
  },
  usual: '-taken',
}

/**
 * Lists the snapshots that somebody may see, newest first unless `sort` says otherwise.
 * @returns with `key`, and for a member, perhaps fewer than `limit` although more may follow
 * @throws Problem CURSOR_INVALID, VALIDATION_FAILED or SCOPE_INVALID for the key, DATASET_…; STORE_UNREACHABLE when an
 *   artifact had to be looked into
 */
export async function listSnapshots(
  app: FastifyInstance,
  actor: Actor,
  { key, ...filter }: ListFilter,
  page: SortedPageQuery,
): Promise<Page<Snapshot>> {
  const coverage = key === undefined ? null : recordCoverage(app, filter.dataset, key)
  const where = [matching(filter), coverage?.condition ?? {}, memberCondition(app, actor) ?? {}]
  const source = {
    ...{ em: app.orm.em, entity: Snapshot, where, sorting: snapshotSorting },
    choose: async (found: Snapshot[]) => {
      const visible = await visibleOf(app, actor, found)
      return (snapshot: Snapshot) => visible.has(snapshot) && (coverage?.covers(snapshot) ?? true)
    },
  }
  return readPage(source, page)
}

/** How many match; null where that takes looking into each of them: a member's, and those that cover a record. */
export async function countSnapshots(
  app: FastifyInstance,
  actor: Actor,
  { key, ...filter }: ListFilter,
): Promise<Count | null> {
  if (key !== undefined || actor.role === 'member') return null
  return countMatching(app.orm.em, Snapshot, matching(filter))
}

function matching({ ids, dataset, status, trigger, from, to }: ListFilter): FilterQuery<Snapshot> {
  return {
    deletedAt: null,
    ...(ids !== undefined && { id: { $in: ids } }),
    ...(dataset !== undefined && { dataset }),
    ...(status !== undefined && { status }),
    ...(trigger !== undefined && { trigger }),
    createdAt: timesBetween(from, to),
  }
}
