import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Static } from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { TextFilter } from '../platform/filters.ts'
import { filterOf, ListPageQuery, listOf } from '../platform/list-page.ts'
import type { PageQuery } from '../platform/read-page.ts'
import { sendCsv, type CsvColumns } from '../platform/send-csv.ts'
import type { Selectable } from '../selections/selectable.ts'
import { addSelection, selectionOf } from '../selections/selection-pages.ts'
import { findHold } from './find-holds.ts'
import type { Hold } from './hold.ts'
import holdPage from './hold-page.ts'
import { liftHold } from './lift-hold.ts'
import { countHolds, holdSorting, listHolds } from './list-holds.ts'
import { presentHold } from './present-hold.ts'

const ListQuery = ListPageQuery({ dataset: TextFilter, key: TextFilter }, holdSorting)

const csv: CsvColumns<Hold> = {
  id: (h) => h.id,
  dataset: (h) => h.dataset,
  key: (h) => h.key,
  reason: (h) => h.reason,
  until: (h) => h.until,
  created_at: (h) => h.createdAt,
  created_by: (h) => h.createdBy,
}

/** The list of holds: which records are held and why; see hold-page.ts for one of them. */
const pages: FastifyPluginAsyncTypebox = async (app) => {
  app.addNavigation({
    group: 'Upkeep',
    label: 'Holds',
    path: '/holds',
    icon: 'lock',
    key: 'h',
    permission: 'holds:list',
  })
  addSelection(app, selectableHolds(app))
  await app.register(holdPage)

  app.get(
    '/holds',
    { config: { permission: 'holds:list' }, schema: { hide: true, querystring: ListQuery } },
    async ({ query }, reply) => show(app, reply, query),
  )
}

export default pages

async function show(
  app: FastifyInstance,
  reply: FastifyReply,
  query: Static<typeof ListQuery>,
): Promise<unknown> {
  const read = (page: PageQuery) => listHolds(app, filterOf(query), { sort: query.sort, ...page })
  if (query.format === 'csv') return sendCsv(reply, 'holds', csv, read)
  const { items, nextCursor } = await read({ cursor: query.cursor })
  const { total, ...choosing } = await selectionOf(selectableHolds(app), reply, query)
  return reply.page('holds/list', {
    title: 'Holds',
    items: items.map((hold) => presentHold(hold, app.clock.now())),
    datasets: app.datasets.list().filter(({ problems }) => problems.length === 0),
    ...listOf('/holds', query, holdSorting, { nextCursor, total }),
    ...choosing,
  })
}

function selectableHolds(app: FastifyInstance): Selectable<Hold> {
  return {
    path: '/holds',
    noun: 'hold',
    query: ListQuery,
    read: (_request, filter, page) => listHolds(app, filter, page),
    count: (_request, filter) => countHolds(app, filter),
    nameOf: ({ dataset, key }) => `${dataset}, ${key}`,
    actions: [
      {
        name: 'lifting',
        permission: 'holds:delete',
        label: 'Lift',
        icon: 'skip',
        done: 'lifted',
        act: async (request, id) => {
          const { dataset } = await findHold(app.orm.em.fork(), id)
          request.concern = { entityType: 'hold', entityIds: [id], dataset }
          await liftHold(app, id, causeOf(request))
        },
      },
    ],
  }
}
