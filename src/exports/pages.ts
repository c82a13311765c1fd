import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import Type from 'typebox'
import { causeOf, type Actor } from '../audit/actor.ts'
import { openDatasets, usableDatasets } from '../datasets/open-datasets.ts'
import { url } from '../platform/components.ts'
import { DayFilter, FilterQuery, pagesOf, startOfDay, TextFilter } from '../platform/filters.ts'
import { answerForm, formRoute, type Shown } from '../platform/forms.ts'
import { form } from '../platform/validation.ts'
import { scopeFields, scopeOfForm } from '../snapshots/scope-form.ts'
import exportPage from './export-page.ts'
import { statuses } from './export.ts'
import { listExports } from './list-exports.ts'
import { presentExport } from './present-export.ts'
import { usualRanges } from './ranges.ts'
import { formats } from './rendering.ts'
import { requestExport } from './request-export.ts'
import { waitUntilFinished } from './requests.ts'

const closed = { additionalProperties: false } as const

const ListQuery = FilterQuery({
  dataset: TextFilter,
  format: Type.Optional(Type.Enum([...formats])),
  status: Type.Optional(Type.Enum([...statuses])),
  from: DayFilter,
  to: DayFilter,
})

const NewQuery = Type.Object({ dataset: TextFilter, keys: TextFilter }, closed)

const RequestForm = Type.Object(
  {
    dataset: Type.String({ maxLength: 100 }),
    ...scopeFields,
    format: Type.Enum([...formats]),
    includeChildren: Type.Optional(Type.Boolean()),
    title: Type.Optional(Type.String({ maxLength: 200 })),
    skipSnapshotCheck: Type.Optional(Type.Boolean()),
  },
  { ...closed, ...form },
)

const pageSize = 50

/** Most exports are finished within this time, in seconds: then there is no page in between that says so. */
const shortWait = 1

/** The pages of exports: the list, and making one; see export-page.ts for one of them. */
const pages: FastifyPluginAsyncTypebox = async (app) => {
  app.addNavigation({
    group: 'Data',
    label: 'Exports',
    path: '/exports',
    icon: 'file',
    key: 'e',
    permission: 'exports:list',
  })
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

  app.get(
    '/exports/new',
    { config: { permission: 'exports:create' }, schema: { hide: true, querystring: NewQuery } },
    async ({ actor, query: { dataset, keys } }, reply) => {
      const which = keys === undefined ? 'all' : 'keys'
      return showForm(app, actor, reply, { typed: { dataset, keys, which, includeChildren: true } })
    },
  )

  app.post(
    '/exports',
    {
      ...formRoute,
      config: { permission: 'exports:create' },
      schema: { hide: true, body: RequestForm },
    },
    async (request, reply) =>
      answerForm(
        request,
        async () => {
          const {
            dataset,
            format,
            title,
            includeChildren = false,
            skipSnapshotCheck,
            ...fields
          } = request.body
          const scope = scopeOfForm(fields, app.datasets.get(dataset).root.key)
          const wanted = {
            ...{ dataset, scope, format, includeChildren },
            ...(title !== undefined && { title }),
            ...(skipSnapshotCheck !== undefined && { skipSnapshotCheck }),
          }
          const exported = await requestExport(app, wanted, causeOf(request))
          await waitUntilFinished(app, exported, shortWait)
          return reply.leadTo(`/exports/${exported.id}`)
        },
        (shown) => showForm(app, request.actor, reply, shown),
      ),
  )
}

export default pages

function showForm(app: FastifyInstance, actor: Actor, reply: FastifyReply, shown: Shown): Promise<string> {
  const datasets = usableDatasets(app.datasets, actor)
  const { dataset: chosen } = (shown.typed ?? {}) as { dataset?: string }
  return reply.page('exports/new', {
    title: 'Make export',
    backTo: '/exports/new',
    datasets,
    quick: quickRanges(app, chosen ?? datasets[0]?.name, actor),
    ...shown,
  })
}

/** One click each: the usual ranges of a dataset that has dates, in every format that it allows. */
function quickRanges(app: FastifyInstance, name: string | undefined, actor: Actor) {
  const listed = usableDatasets(app.datasets, actor).find((one) => one.name === name)
  if (listed === undefined || actor.role === 'member') return null
  const { title, timezone, root, policies } = app.datasets.get(listed.name)
  if (root.dates === null) return null
  return {
    dataset: listed.name,
    title,
    timezone,
    ranges: usualRanges(app.clock.now(), timezone),
    formats: policies.export?.formats ?? formats,
    includeChildren: policies.export?.includeChildren ?? true,
  }
}
