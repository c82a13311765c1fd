import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import Type from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { answerForm, formRoute, type Shown } from '../platform/forms.ts'
import { filterOf, listOf, ListPageQuery } from '../platform/list-page.ts'
import type { PageQuery } from '../platform/read-page.ts'
import { sendCsv } from '../platform/send-csv.ts'
import { form } from '../platform/validation.ts'
import { wordCount } from '../platform/wording.ts'
import { itemCsv } from './batch-csv.ts'
import type { Batch } from './batch.ts'
import { concernedBatch } from './concerned-batch.ts'
import { describeBatch } from './describe-batch.ts'
import { batchProblems } from './errors.ts'
import { extendBatch } from './extend-batch.ts'
import { listErrors, readItem } from './item-queries.ts'
import { itemStates } from './item.ts'
import { itemSorting, pageOfItems } from './list-items.ts'
import { presentBatch } from './present-batch.ts'
import { presentRow } from './present-item.ts'
import { largestBody } from './request-batch.ts'
import { BatchParams } from './schemas.ts'
import { itemsOfLines } from './typed-items.ts'

const closed = { additionalProperties: false } as const
const Short = Type.Optional(Type.String({ maxLength: 200 }))

const ItemsQuery = ListPageQuery(
  { status: Type.Optional(Type.Enum([...itemStates])), error: Short, id: Short },
  itemSorting,
)

const ItemParams = Type.Object(
  { id: Type.String({ format: 'uuid' }), position: Type.String({ pattern: '^\\d{1,18}$' }) },
  closed,
)

const ItemsForm = Type.Object({ items: Type.Optional(Type.String()) }, { ...closed, ...form })

/** The items of a batch: the list, one of them, and more of them. */
const itemPages: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/batches/:id/items',
    {
      config: { permission: 'batches:view' },
      schema: { hide: true, params: BatchParams, querystring: ItemsQuery },
    },
    async (request, reply) => {
      const { query } = request
      const batch = await concernedBatch(app, request)
      const read = async (page: PageQuery) => {
        const wanted = { ...filterOf(query), sort: query.sort, ...page }
        const { items, nextCursor } = await pageOfItems(app.orm.em, batch.id, wanted)
        return { items: items.map(presentRow), nextCursor }
      }
      if (query.format === 'csv') return sendCsv(reply, 'batch-items', itemCsv, read)
      const { items, nextCursor } = await read({ cursor: query.cursor })
      const described = describeBatch(app, batch)
      return reply.page('batches/items', {
        ...{ title: `Items of ${described.name}`, batch: await presentBatch(app, batch), ...described },
        ...{ items, states: itemStates },
        errors: await listErrors(app.orm.em.fork(), batch.id),
        ...listOf(`${described.path}/items`, query, itemSorting, { nextCursor }),
      })
    },
  )

  app.get(
    '/batches/:id/items/:position',
    { config: { permission: 'batches:view' }, schema: { hide: true, params: ItemParams } },
    async (request, reply) => {
      const batch = await concernedBatch(app, request)
      const { position } = request.params
      const row = await readItem(app.orm.em.fork(), batch.id, position)
      if (row === null) throw batchProblems.BATCH_ITEM_UNKNOWN(`Batch ${batch.id} has no item ${position}.`)
      return reply.page('batches/item', {
        ...{ title: `Item ${row.id}`, batch: await presentBatch(app, batch), ...describeBatch(app, batch) },
        item: presentRow(row),
      })
    },
  )

  app.get(
    '/batches/:id/items/new',
    { config: { permission: 'batches:create' }, schema: { hide: true, params: BatchParams } },
    async (request, reply) => showForm(app, reply, await concernedBatch(app, request), {}),
  )

  app.post(
    '/batches/:id/items',
    {
      ...formRoute,
      bodyLimit: largestBody,
      config: { permission: 'batches:create' },
      schema: { hide: true, params: BatchParams, body: ItemsForm },
    },
    async (request, reply) => {
      const batch = await concernedBatch(app, request)
      return answerForm(
        request,
        async () => {
          const items = itemsOfLines(request.body.items ?? '')
          const { received, added } = await extendBatch(app, batch.id, items, causeOf(request))
          const there = received - added
          const others = there > 0 ? ` ${wordCount(there, 'other')} had been there already.` : ''
          return reply.leadTo(`/batches/${batch.id}`, `${wordCount(added, 'item')} added.${others}`)
        },
        (shown) => showForm(app, reply, batch, shown),
      )
    },
  )
}

export default itemPages

function showForm(app: FastifyInstance, reply: FastifyReply, batch: Batch, shown: Shown): Promise<string> {
  const described = describeBatch(app, batch)
  return reply.page('batches/add', { title: `Add items to ${described.name}`, ...described, ...shown })
}
