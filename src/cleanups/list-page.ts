import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { DayFilter, TextFilter } from '../platform/filters.ts'
import { filterOf, ListPageQuery, listOf } from '../platform/list-page.ts'
import type { PageQuery } from '../platform/read-page.ts'
import { sendCsv, type CsvColumns } from '../platform/send-csv.ts'
import { statuses, targets, type Cleanup } from './cleanup.ts'
import { blockersNow } from './describe-cleanup.ts'
import { cleanupSorting, listCleanups } from './list-cleanups.ts'
import { presentCleanups } from './present-cleanup.ts'
import { waitingCleanups } from './summarize-cleanups.ts'

/** Cleanups that are shown with all that keeps them, before the list. */
const mostWaiting = 10

const ListQuery = ListPageQuery(
  {
    dataset: TextFilter,
    status: Type.Optional(Type.Enum([...statuses])),
    target: Type.Optional(Type.Enum([...targets])),
    from: DayFilter,
    to: DayFilter,
  },
  cleanupSorting,
)

const csv: CsvColumns<Cleanup> = {
  id: (c) => c.id,
  dataset: (c) => c.dataset,
  scope: (c) => c.scope,
  target: (c) => c.target,
  origin: (c) => c.origin,
  status: (c) => c.status,
  hold: (c) => c.hold,
  due_at: (c) => c.dueAt,
  created_at: (c) => c.createdAt,
  created_by: (c) => c.createdBy,
  finished_at: (c) => c.finishedAt,
  planned: (c) => ('records' in c.plan ? c.plan.records : c.plan.objects),
  removed: (c) => c.counts?.removed,
  left_alone: (c) => c.counts?.left,
  snapshot_id: (c) => c.snapshotId,
  error: (c) => c.error?.code,
}

/** The list of cleanups. */
const listPage: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/cleanups',
    { config: { permission: 'cleanups:list' }, schema: { hide: true, querystring: ListQuery } },
    async ({ query }, reply) => {
      const read = (page: PageQuery) => listCleanups(app, filterOf(query), { sort: query.sort, ...page })
      if (query.format === 'csv') return sendCsv(reply, 'cleanups', csv, read)
      const { items, nextCursor } = await read({ cursor: query.cursor })
      return reply.page('cleanups/list', {
        title: 'Cleanups',
        items: await presentCleanups(app, items),
        waiting: Object.keys(query).length === 0 ? await describeWaiting(app) : [],
        mostWaiting,
        datasets: app.datasets.list(),
        statuses,
        ...listOf('/cleanups', query, cleanupSorting, { nextCursor }),
      })
    },
  )
}

export default listPage

/** Those that wait, with what keeps each of them besides the time. */
async function describeWaiting(app: FastifyInstance) {
  const found = await waitingCleanups(app.orm.em, mostWaiting)
  const presented = await presentCleanups(app, found)
  const blockers = await Promise.all(found.map((cleanup) => blockersNow(app, cleanup)))
  return presented.map((cleanup, i) => ({ ...cleanup, blockers: blockers[i]! }))
}
