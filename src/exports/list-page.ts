import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { openDatasets } from '../datasets/open-datasets.ts'
import { DayFilter, TextFilter } from '../platform/filters.ts'
import { filterOf, ListPageQuery, listOf } from '../platform/list-page.ts'
import type { PageQuery } from '../platform/read-page.ts'
import { sendCsv, type CsvColumns } from '../platform/send-csv.ts'
import { wordScope } from '../platform/wording.ts'
import type { Selectable } from '../selections/selectable.ts'
import { addSelection, selectionOf } from '../selections/selection-pages.ts'
import { deleteExport } from './delete-export.ts'
import { statuses, type Export } from './export.ts'
import { countExports, exportSorting, listExports, type ListFilter } from './list-exports.ts'
import { presentExport } from './present-export.ts'
import { formats } from './rendering.ts'
import { concernedExport } from './requests.ts'

const ListQuery = ListPageQuery(
  {
    dataset: TextFilter,
    /** Not `format`, which asks for the list itself as a file. */
    kind: Type.Optional(Type.Enum([...formats])),
    status: Type.Optional(Type.Enum([...statuses])),
    from: DayFilter,
    to: DayFilter,
  },
  exportSorting,
)

const csv: CsvColumns<Export> = {
  id: (e) => e.id,
  dataset: (e) => e.dataset,
  scope: (e) => e.scope,
  title: (e) => e.title,
  format: (e) => e.format,
  include_children: (e) => e.includeChildren,
  status: (e) => e.status,
  created_at: (e) => e.createdAt,
  created_by: (e) => e.createdBy,
  taken_at: (e) => e.takenAt,
  rows: (e) => (e.takenAt === null ? null : Object.values(e.counts).reduce((a, b) => a + b, 0)),
  bytes: (e) => e.bytes,
  sha256: (e) => e.sha256,
  expires_at: (e) => e.expiresAt,
  error: (e) => e.error?.code,
}

/** The list of exports, and what can be done with several of them. */
const listPage: FastifyPluginAsyncTypebox = async (app) => {
  const selectable = selectableExports(app)
  addSelection(app, selectable)

  app.get(
    '/exports',
    { config: { permission: 'exports:list' }, schema: { hide: true, querystring: ListQuery } },
    async ({ actor, query }, reply) => {
      const read = (page: PageQuery) =>
        listExports(app, actor, withFormat(filterOf(query)), { sort: query.sort, ...page })
      if (query.format === 'csv') return sendCsv(reply, 'exports', csv, read)
      const { items, nextCursor } = await read({ cursor: query.cursor })
      const { total, ...choosing } = await selectionOf(selectable, reply, query)
      return reply.page('exports/list', {
        title: 'Exports',
        items: items.map(presentExport),
        datasets: openDatasets(app.datasets, actor),
        ...listOf('/exports', query, exportSorting, { nextCursor, total }),
        ...choosing,
      })
    },
  )
}

export default listPage

function withFormat({ kind, ...filter }: Record<string, unknown>): ListFilter {
  return { ...filter, ...(kind !== undefined && { format: kind as Export['format'] }) }
}

function selectableExports(app: FastifyInstance): Selectable<Export> {
  return {
    path: '/exports',
    noun: 'export',
    query: ListQuery,
    read: ({ actor }, filter, page) => listExports(app, actor, withFormat(filter), page),
    count: ({ actor }, filter) => countExports(app, actor, withFormat(filter)),
    nameOf: ({ dataset, title, scope, createdAt }) =>
      `${title ?? `${dataset}, ${wordScope(scope)}`}, ${createdAt.toISOString().slice(0, 10)}`,
    actions: [
      {
        name: 'deletion',
        permission: 'exports:delete',
        label: 'Delete',
        icon: 'trash',
        done: 'deleted',
        warning: 'Their files go with them. Those that are still being made are left alone.',
        act: async (request, id) => {
          await concernedExport(app, request, id)
          await deleteExport(app, id, causeOf(request))
        },
      },
    ],
  }
}
