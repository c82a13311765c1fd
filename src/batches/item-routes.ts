import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { causeOf } from '../audit/actor.ts'
import { concernedBatch } from './concerned-batch.ts'
import { extendBatch } from './extend-batch.ts'
import { pageOfItems } from './list-items.ts'
import { presentBatch } from './present-batch.ts'
import { presentItem } from './present-item.ts'
import { readItems } from './read-items.ts'
import { BatchParams, ItemList, ItemQuery, ItemsAdded, ItemsBody } from './schemas.ts'

const itemRoutes: FastifyPluginAsyncTypebox = async (app) => {
  // Here the body is read as it arrives, however long it is: see read-items.ts.
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser(['application/json', 'application/x-ndjson'], (_request, _body, done) =>
    done(null),
  )

  app.post(
    '/api/batches/:id/items',
    {
      config: { permission: 'batches:create' },
      schema: {
        operationId: 'addItems',
        tags: ['batches'],
        description:
          'Adds items, all of the request or none, also while the batch is worked on. Of any number: the body is read as a stream, within 30 seconds. An item whose id is there already stays as it is, so it is safe to repeat.',
        params: BatchParams,
        body: ItemsBody,
        response: { 200: ItemsAdded },
      },
    },
    async (request) => {
      const { id } = await concernedBatch(app, request)
      const isLines = /^\s*application\/x-ndjson/i.test(request.headers['content-type'] ?? '')
      const items = readItems(request.raw, isLines ? 'ndjson' : 'json')
      const { batch, received, added } = await extendBatch(app, id, items, causeOf(request))
      return { received, added, existing: received - added, batch: await presentBatch(app, batch) }
    },
  )

  app.get(
    '/api/batches/:id/items',
    {
      config: { permission: 'batches:view' },
      schema: {
        operationId: 'listItems',
        tags: ['batches'],
        description: 'In their order, the first first; with `id` in the order of their ids.',
        params: BatchParams,
        querystring: ItemQuery,
        response: { 200: ItemList },
      },
    },
    async (request) => {
      const { id } = await concernedBatch(app, request)
      const { items, nextCursor } = await pageOfItems(app.orm.em, id, request.query)
      return { items: items.map(presentItem), nextCursor }
    },
  )
}

export default itemRoutes
