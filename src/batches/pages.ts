import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { url } from '../platform/components.ts'
import { decodeCursor, encodeCursor } from '../platform/cursors.ts'
import { FilterQuery, pagesOf, TextFilter } from '../platform/filters.ts'
import batchPage from './batch-page.ts'
import { storedStatuses } from './batch.ts'
import { findBatches } from './find-batches.ts'
import { presentBatches } from './present-batch.ts'

const Position = Type.Tuple([Type.String({ format: 'uuid' })])

const ListQuery = FilterQuery({
  dataset: TextFilter,
  status: Type.Optional(Type.Enum(['incomplete', ...storedStatuses])),
})

const pageSize = 50

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
  await app.register(batchPage)

  app.get(
    '/batches',
    { config: { permission: 'batches:list' }, schema: { hide: true, querystring: ListQuery } },
    async ({ query }, reply) => {
      const { cursor, ...filter } = query
      const filtered = Object.keys(filter).length > 0
      const [before] = decodeCursor(cursor, Position) ?? []
      const isFront = !filtered && cursor === undefined
      const first = isFront ? await findBatches(app.orm.em, { status: 'incomplete' }, pageSize) : []
      const wanted = filtered ? filter : { status: 'over' as const }
      const found = await findBatches(app.orm.em, wanted, pageSize + 1, before)
      const last = found.length > pageSize ? found[pageSize - 1] : undefined
      const nextCursor = last === undefined ? null : encodeCursor([last.id])
      return reply.page('batches/list', {
        title: 'Batches',
        unfinished: await presentBatches(app, first),
        items: await presentBatches(app, found.slice(0, pageSize)),
        filter: query,
        filtered,
        datasets: app.datasets.list(),
        statuses: storedStatuses,
        pages: pagesOf((more) => url('/batches', more), query, nextCursor),
      })
    },
  )
}

export default pages
