import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { url } from '../platform/components.ts'
import { decodeCursor, encodeCursor } from '../platform/cursors.ts'
import { containing, FilterQuery, pagesOf, TextFilter } from '../platform/filters.ts'
import { concernedDelivery } from './concerned-delivery.ts'
import { DeliveredFile } from './delivered-file.ts'
import { presentDelivery } from './present-delivery.ts'
import { DeliveryParams } from './schemas.ts'

const Position = Type.Tuple([Type.String({ maxLength: 2000 })])

const FilesQuery = FilterQuery({ q: TextFilter })

const pageSize = 100

/** What a delivery put where, file by file: its index, to look into. */
const filesPage: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/deliveries/:id/files',
    {
      config: { permission: 'deliveries:view' },
      schema: { hide: true, params: DeliveryParams, querystring: FilesQuery },
    },
    async (request, reply) => {
      const { query } = request
      const delivery = await concernedDelivery(app, request, request.params.id)
      const [after = ''] = decodeCursor(query.cursor, Position) ?? []
      const part = query.q === undefined ? {} : containing(query.q)
      const found = await app.orm.em
        .fork()
        .find(
          DeliveredFile,
          { deliveryId: delivery.id, path: { $gt: after, ...part } },
          { orderBy: { path: 'asc' }, limit: pageSize + 1 },
        )
      const last = found.length > pageSize ? found[pageSize - 1] : undefined
      const path = `/deliveries/${delivery.id}/files`
      return reply.page('deliveries/files', {
        title: 'Delivered files',
        delivery: await presentDelivery(app, delivery),
        name: delivery.title ?? `Delivery of ${delivery.dataset}`,
        items: found.slice(0, pageSize),
        ...{ filter: query, filtered: query.q !== undefined, path },
        pages: pagesOf((more) => url(path, more), query, last ? encodeCursor([last.path]) : null),
      })
    },
  )
}

export default filesPage
