import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import Type from 'typebox'
import { url } from '../platform/components.ts'
import { DayFilter, FilterQuery, pagesOf, TextFilter } from '../platform/filters.ts'
import type { PageQuery } from '../platform/read-page.ts'
import { sendCsv, type CsvColumns } from '../platform/send-csv.ts'
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
  format: Type.Optional(Type.Literal('csv')),
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
      const { cursor, format, ...filter } = query
      const source = app.datasets.source(dataset)
      const show = (page: RecordPage, problem: unknown = null) =>
        showRecords(reply, dataset, query, page, problem)
      request.showAgain = (problem) => show({ items: [], nextCursor: null, estimatedTotal: 0 }, problem)
      const granted = partyCondition(actor, dataset, 'list')
      const read = ({ cursor, limit = pageSize }: PageQuery) =>
        browseRecords(source, dataset, filter, granted, { cursor, limit })
      if (format === 'csv') return sendCsv(reply, `${dataset.name}-records`, recordCsv(dataset), read)
      return show(await read({ cursor }))
    },
  )
}

export default recordsPage

function showRecords(
  reply: FastifyReply,
  { name, title, root, files }: Dataset,
  query: { cursor?: string } & Record<string, unknown>,
  { items, nextCursor, estimatedTotal }: RecordPage,
  problem: unknown,
): Promise<string> {
  const path = `/datasets/${encodeURIComponent(name)}/records`
  return reply.page('datasets/records', {
    title: `Records of ${title}`,
    dataset: { name, title, hasFiles: files !== null },
    dated: root.dates !== null,
    children: root.children.map(({ as }) => as),
    items: items.map((record: ListedRecord) => ({ ...record, keyText: lineOfKey(record.key) })),
    estimatedTotal,
    filter: query,
    filtered: Object.keys(query).some((field) => field !== 'cursor'),
    pages: pagesOf((more) => url(path, more), query, nextCursor),
    csv: url(path, { ...query, cursor: undefined, format: 'csv' }),
    problem,
  })
}

/** What a list of records says of each, as a file. */
function recordCsv({ root }: Dataset): CsvColumns<ListedRecord> {
  return {
    key: ({ key }) => lineOfKey(key),
    label: ({ label }) => label,
    ...(root.dates !== null && { date: ({ date }: ListedRecord) => date }),
    ...(root.protect !== null && { protected: (record: ListedRecord) => record.protected }),
    ...Object.fromEntries(
      root.children.map(({ as }) => [as, ({ children }: ListedRecord) => children[as] ?? 0]),
    ),
  }
}
