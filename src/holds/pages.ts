import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import Type, { type Static } from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { keysOfLines } from '../datasets/typed-keys.ts'
import { TextFilter } from '../platform/filters.ts'
import { answerForm, formRoute, type Shown } from '../platform/forms.ts'
import { filterOf, ListPageQuery, listOf } from '../platform/list-page.ts'
import type { PageQuery } from '../platform/read-page.ts'
import { sendCsv, type CsvColumns } from '../platform/send-csv.ts'
import { form } from '../platform/validation.ts'
import type { Selectable } from '../selections/selectable.ts'
import { addSelection, selectionOf } from '../selections/selection-pages.ts'
import { findHold } from './find-holds.ts'
import type { Hold } from './hold.ts'
import { holdRecord } from './hold-record.ts'
import { liftHold } from './lift-hold.ts'
import { countHolds, holdSorting, listHolds } from './list-holds.ts'
import { presentHold } from './present-hold.ts'

const closed = { additionalProperties: false } as const

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

const HoldForm = Type.Object(
  {
    dataset: Type.String({ minLength: 1, maxLength: 100 }),
    key: Type.String({ minLength: 1, maxLength: 2000 }),
    reason: Type.String({ minLength: 1, maxLength: 1000 }),
  },
  { ...closed, ...form },
)

/** The page of holds: which records are held and why, one more, one less. */
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

  app.get(
    '/holds',
    { config: { permission: 'holds:list' }, schema: { hide: true, querystring: ListQuery } },
    async ({ query }, reply) => show(app, reply, query),
  )

  app.post(
    '/holds',
    { ...formRoute, config: { permission: 'holds:create' }, schema: { hide: true, body: HoldForm } },
    async (request, reply) =>
      answerForm(
        request,
        async () => {
          const { dataset, key, reason } = request.body
          const [typed] = keysOfLines(key, app.datasets.get(dataset).root.key)
          await holdRecord(app, { dataset, key: typed, reason }, causeOf(request))
          return reply.leadTo('/holds')
        },
        (shown) => show(app, reply, {}, shown) as Promise<string>,
      ),
  )
}

export default pages

async function show(
  app: FastifyInstance,
  reply: FastifyReply,
  query: Static<typeof ListQuery>,
  shown: Shown = {},
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
    ...shown,
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
