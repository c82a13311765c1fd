import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { DayFilter, TextFilter } from '../platform/filters.ts'
import { filterOf, ListPageQuery, listOf } from '../platform/list-page.ts'
import type { PageQuery } from '../platform/read-page.ts'
import { sendCsv, type CsvColumns } from '../platform/send-csv.ts'
import { listRestores, restoreSorting } from './list-restores.ts'
import { modes } from './plan.ts'
import { presentRestore } from './present-restore.ts'
import { statuses, type Restore } from './restore.ts'

const ListQuery = ListPageQuery(
  {
    dataset: TextFilter,
    snapshotId: Type.Optional(Type.String({ format: 'uuid' })),
    status: Type.Optional(Type.Enum([...statuses])),
    mode: Type.Optional(Type.Enum([...modes])),
    from: DayFilter,
    to: DayFilter,
  },
  restoreSorting,
)

const csv: CsvColumns<Restore> = {
  id: (r) => r.id,
  dataset: (r) => r.dataset,
  snapshot_id: (r) => r.snapshotId,
  mode: (r) => r.mode,
  keys: (r) => r.keys,
  status: (r) => r.status,
  undoes: (r) => r.undoes,
  created_at: (r) => r.createdAt,
  created_by: (r) => r.createdBy,
  finished_at: (r) => r.finishedAt,
  records_created: (r) => (r.counts ?? r.plan?.operations)?.create,
  records_changed: (r) => (r.counts ?? r.plan?.operations)?.update,
  records_deleted: (r) => (r.counts ?? r.plan?.operations)?.delete,
  records_kept: (r) => (r.counts ?? r.plan?.operations)?.keep,
  error: (r) => r.error?.code,
}

/** The list of restores. */
const listPage: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/restores',
    { config: { permission: 'restores:list' }, schema: { hide: true, querystring: ListQuery } },
    async ({ query }, reply) => {
      const read = (page: PageQuery) => listRestores(app, filterOf(query), { sort: query.sort, ...page })
      if (query.format === 'csv') return sendCsv(reply, 'restores', csv, read)
      const { items, nextCursor } = await read({ cursor: query.cursor })
      return reply.page('restores/list', {
        title: 'Restores',
        items: items.map(presentRestore),
        datasets: app.datasets.list(),
        statuses,
        modes,
        ...listOf('/restores', query, restoreSorting, { nextCursor }),
      })
    },
  )
}

export default listPage
