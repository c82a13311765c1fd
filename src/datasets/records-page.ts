import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import Type from 'typebox'
import { url } from '../platform/components.ts'
import { DayFilter, FilterQuery, pagesOf, TextFilter } from '../platform/filters.ts'
import { browseRecords, type ListedRecord, type RecordPage } from './browse-records.ts'
import type { Dataset } from './definition.ts'
import { partyCondition } from './parties.ts'
import { DatasetParams } from './schemas.ts'
import { lineOfKey } from './typed-keys.ts'

const RecordsQuery = FilterQuery({
  q: TextFilter,
  month: Type.Optional(Type.String({ maxLength: 20 })),
  from: DayFilter,
  to: DayFilter,
})

const pageSize = 50

/** The records of a dataset, found by text and by date. */
const recordsPage: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/datasets/:dataset/records',
    {
      config: { permission: 'records:list' },
      schema: { hide: true, params: DatasetParams, querystring: RecordsQuery },
    },
    async (request, reply) => {
      const { actor, query, params } = request
      const dataset = app.datasets.get(params.dataset)
      const { cursor, ...filter } = query
      const show = (page: RecordPage, problem: unknown = null) =>
        showRecords(reply, dataset, query, page, problem)
      request.showAgain = (problem) => show({ items: [], nextCursor: null, estimatedTotal: 0 }, problem)
      const granted = partyCondition(actor, dataset, 'list')
      return show(
        await browseRecords(app.datasets.source(dataset), dataset, filter, granted, {
          cursor,
          limit: pageSize,
        }),
      )
    },
  )
}

export default recordsPage

function showRecords(
  reply: FastifyReply,
  { name, title, root }: Dataset,
  query: { cursor?: string } & Record<string, unknown>,
  { items, nextCursor, estimatedTotal }: RecordPage,
  problem: unknown,
): Promise<string> {
  const path = `/datasets/${encodeURIComponent(name)}/records`
  return reply.page('datasets/records', {
    title: `Records of ${title}`,
    dataset: { name, title },
    dated: root.dates !== null,
    children: root.children.map(({ as }) => as),
    items: items.map((record: ListedRecord) => ({ ...record, keyText: lineOfKey(record.key) })),
    estimatedTotal,
    filter: query,
    filtered: Object.keys(query).some((field) => field !== 'cursor'),
    pages: pagesOf((more) => url(path, more), query, nextCursor),
    problem,
  })
}
