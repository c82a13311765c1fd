import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { openDatasets } from '../datasets/open-datasets.ts'
import { url } from '../platform/components.ts'
import { DayFilter, FilterQuery, pagesOf, startOfDay, TextFilter } from '../platform/filters.ts'
import exportPage from './export-page.ts'
import { statuses } from './export.ts'
import { listExports } from './list-exports.ts'
import { presentExport } from './present-export.ts'
import { formats } from './rendering.ts'
import requestPage from './request-page.ts'

const ListQuery = FilterQuery({
  dataset: TextFilter,
  format: Type.Optional(Type.Enum([...formats])),
  status: Type.Optional(Type.Enum([...statuses])),
  from: DayFilter,
  to: DayFilter,
})

const pageSize = 50

/** The pages of exports: the list; see request-page.ts for making one and export-page.ts for one of them. */
const pages: FastifyPluginAsyncTypebox = async (app) => {
  app.addNavigation({
    group: 'Data',
    label: 'Exports',
    path: '/exports',
    icon: 'file',
    key: 'e',
    permission: 'exports:list',
  })
  await app.register(requestPage)
  await app.register(exportPage)

  app.get(
    '/exports',
    { config: { permission: 'exports:list' }, schema: { hide: true, querystring: ListQuery } },
    async ({ actor, query }, reply) => {
      const { from, to, ...words } = query
      const filter = {
        ...words,
        ...(from !== undefined && { from: startOfDay(from) }),
        ...(to !== undefined && { to: startOfDay(to) }),
      }
      const { exports, nextCursor } = await listExports(app, actor, { ...filter, limit: pageSize })
      return reply.page('exports/list', {
        title: 'Exports',
        items: exports.map(presentExport),
        filter: query,
        filtered: Object.keys(query).some((name) => name !== 'cursor'),
        datasets: openDatasets(app.datasets, actor),
        pages: pagesOf((more) => url('/exports', more), query, nextCursor),
      })
    },
  )
}

export default pages
