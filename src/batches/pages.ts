import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { TextFilter } from '../platform/filters.ts'
import { filterOf, listOf, ListPageQuery } from '../platform/list-page.ts'
import type { PageQuery } from '../platform/read-page.ts'
import { sendCsv } from '../platform/send-csv.ts'
import { batchCsv } from './batch-csv.ts'
import batchPage from './batch-page.ts'
import { storedStatuses } from './batch.ts'
import cancelPage from './cancel-page.ts'
import itemPages from './item-pages.ts'
import { batchSorting, listBatches, type BatchFilter } from './list-batches.ts'
import newPage from './new-page.ts'
import { presentBatches, type PresentedBatch } from './present-batch.ts'

const ListQuery = ListPageQuery(
  {
    q: TextFilter,
    dataset: TextFilter,
    handler: TextFilter,
    status: Type.Optional(Type.Enum(['incomplete', ...storedStatuses])),
  },
  batchSorting,
)

/** Unfinished ones that are offered on arrival; the list has the others. */
const offered = 10

/** The pages of batches: the list, with those first that are to be gone on with; see batch-page.ts for one of them. */
const pages: FastifyPluginAsyncTypebox = async (app) => {
  app.addNavigation({
    group: 'Data',
    label: 'Batches',
    path: '/batches',
    icon: 'batch',
    key: 'b',
    permission: 'batches:list',
  })
  for (const page of [newPage, batchPage, cancelPage, itemPages]) await app.register(page)

  app.get(
    '/batches',
    { config: { permission: 'batches:list' }, schema: { hide: true, querystring: ListQuery } },
    async ({ query }, reply) => {
      const { sort, cursor, format } = query
      const read = (page: PageQuery) => presentedPage(app, filterOf(query), { sort, ...page })
      if (format === 'csv') return sendCsv(reply, 'batches', batchCsv, read)
      const { items, nextCursor } = await read({ cursor })
      const isFront = Object.keys(query).length === 0
      const unfinished = isFront
        ? await presentedPage(app, { status: 'incomplete' }, { limit: offered })
        : { items: [], nextCursor: null }
      return reply.page('batches/list', {
        title: 'Batches',
        unfinished: unfinished.items,
        moreUnfinished: unfinished.nextCursor !== null,
        items,
        datasets: app.datasets.list(),
        statuses: storedStatuses,
        handlers: app.batches.names(),
        ...listOf('/batches', query, batchSorting, { nextCursor }),
      })
    },
  )
}

export default pages

async function presentedPage(
  app: FastifyInstance,
  filter: BatchFilter,
  page: PageQuery & { sort?: string | undefined },
): Promise<{ items: PresentedBatch[]; nextCursor: string | null }> {
  const { items, nextCursor } = await listBatches(app.orm.em, filter, page)
  return { items: await presentBatches(app, items), nextCursor }
}
