import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { url } from '../platform/components.ts'
import { decodeCursor, encodeCursor } from '../platform/cursors.ts'
import { FilterQuery, pagesOf } from '../platform/filters.ts'
import type { PageQuery } from '../platform/read-page.ts'
import { sendCsv, type CsvColumns } from '../platform/send-csv.ts'
import type { KeyValue } from '../source/keys.ts'
import type { CleanupTarget } from './cleanup.ts'
import type { LeftCode } from './plan.ts'
import { countOutcomes, pageOfItems, type CleanupItem } from './queries.ts'
import { concernedCleanup } from './requests.ts'
import { CleanupParams } from './schemas.ts'
import { leftWords } from './warnings.ts'

const Position = Type.Tuple([Type.String({ maxLength: 8000 })])

const outcomes = ['WAITING', 'REMOVED', ...(Object.keys(leftWords) as LeftCode[])] as const

const ItemsQuery = Type.Object(
  {
    ...FilterQuery({ outcome: Type.Optional(Type.Enum([...outcomes])) }).properties,
    format: Type.Optional(Type.Literal('csv')),
  },
  { additionalProperties: false },
)

const itemCsv: CsvColumns<CleanupItem> = {
  key: ({ key }) => key,
  outcome: ({ outcome }) => outcome ?? 'WAITING',
  detail: ({ detail }) => detail,
}

const pageSize = 100

/** Everything that a cleanup may remove, key by key, and what became of each: nothing else ever goes. */
const itemsPage: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/cleanups/:id/items',
    {
      config: { permission: 'cleanups:view' },
      schema: { hide: true, params: CleanupParams, querystring: ItemsQuery },
    },
    async (request, reply) => {
      const { outcome, cursor, format } = request.query
      const cleanup = await concernedCleanup(app, request, request.params.id)
      const { id } = cleanup
      const em = app.orm.em.fork()
      const read = async ({ limit = pageSize, cursor }: PageQuery) => {
        const [after = ''] = decodeCursor(cursor, Position) ?? []
        const found = await pageOfItems(em, id, outcome, after, limit + 1)
        const last = found.length > limit ? found[limit - 1]! : undefined
        return { items: found.slice(0, limit), nextCursor: last ? encodeCursor([last.key]) : null }
      }
      if (format === 'csv') return sendCsv(reply, 'cleanup-items', itemCsv, read)
      const { items, nextCursor } = await read({ cursor })
      const path = `/cleanups/${id}/items`
      const { format: _, ...query } = request.query
      return reply.page('cleanups/items', {
        title: 'What it removes',
        ...{ cleanup, path, leftWords },
        counts: await countOutcomes(em, id),
        dataset: app.datasets.list().find(({ name }) => name === cleanup.dataset)?.title ?? cleanup.dataset,
        items: items.map((item) => ({ ...item, key: readable(cleanup.target, item.key) })),
        filter: query,
        filtered: outcome !== undefined,
        csv: url(path, { outcome, format: 'csv' }),
        pages: pagesOf((more) => url(path, more), query, nextCursor),
      })
    },
  )
}

export default itemsPage

function readable(target: CleanupTarget, key: string): KeyValue | KeyValue[] {
  if (target === 'files') return key
  const values = JSON.parse(key) as KeyValue[]
  return values.length === 1 ? values[0]! : values
}
