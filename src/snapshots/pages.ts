import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import Type from 'typebox'
import { causeOf, type Actor } from '../audit/actor.ts'
import { openDatasets, usableDatasets } from '../datasets/open-datasets.ts'
import { url } from '../platform/components.ts'
import { DayFilter, FilterQuery, pagesOf, startOfDay, TextFilter } from '../platform/filters.ts'
import { answerForm, formRoute, type Shown } from '../platform/forms.ts'
import { form } from '../platform/validation.ts'
import changesPage from './changes-page.ts'
import { listSnapshots } from './list-snapshots.ts'
import { presentSnapshot } from './present-snapshot.ts'
import { waitUntilFinished } from './requests.ts'
import { scopeFields, scopeOfForm } from './scope-form.ts'
import snapshotPage, { triggerWords } from './snapshot-page.ts'
import { statuses, triggers } from './snapshot.ts'
import { takeSnapshot } from './take-snapshot.ts'

const closed = { additionalProperties: false } as const

const ListQuery = FilterQuery({
  dataset: TextFilter,
  status: Type.Optional(Type.Enum([...statuses])),
  trigger: Type.Optional(Type.Enum([...triggers])),
  key: TextFilter,
  from: DayFilter,
  to: DayFilter,
})

const NewQuery = Type.Object({ dataset: TextFilter, keys: TextFilter }, closed)

const Title = Type.Optional(Type.String({ maxLength: 200 }))
const Note = Type.Optional(Type.String({ maxLength: 2000 }))

const TakeForm = Type.Object(
  { dataset: Type.String({ maxLength: 100 }), ...scopeFields, title: Title, note: Note },
  { ...closed, ...form },
)

const pageSize = 50

/** Most snapshots are finished within this time, in seconds: then there is no page in between that says so. */
const shortWait = 1

/** The pages of snapshots: the list, and taking one; see snapshot-page.ts and changes-page.ts for one of them. */
const pages: FastifyPluginAsyncTypebox = async (app) => {
  app.addNavigation({
    group: 'Data',
    label: 'Snapshots',
    path: '/snapshots',
    icon: 'snapshot',
    key: 's',
    permission: 'snapshots:list',
  })
  await app.register(snapshotPage)
  await app.register(changesPage)

  app.get(
    '/snapshots',
    { config: { permission: 'snapshots:list' }, schema: { hide: true, querystring: ListQuery } },
    async ({ actor, query }, reply) => {
      const { from, to, ...words } = query
      const filter = {
        ...words,
        ...(from !== undefined && { from: startOfDay(from) }),
        ...(to !== undefined && { to: startOfDay(to) }),
      }
      const { snapshots, nextCursor } = await listSnapshots(app, actor, { ...filter, limit: pageSize })
      return reply.page('snapshots/list', {
        title: 'Snapshots',
        items: snapshots.map(presentSnapshot),
        filter: query,
        filtered: Object.keys(query).some((name) => name !== 'cursor'),
        datasets: openDatasets(app.datasets, actor),
        triggers: triggerWords,
        pages: pagesOf((more) => url('/snapshots', more), query, nextCursor),
      })
    },
  )

  app.get(
    '/snapshots/new',
    { config: { permission: 'snapshots:create' }, schema: { hide: true, querystring: NewQuery } },
    async ({ actor, query: { dataset, keys } }, reply) =>
      showForm(app, actor, reply, { typed: { dataset, keys, which: keys === undefined ? 'all' : 'keys' } }),
  )

  app.post(
    '/snapshots',
    { ...formRoute, config: { permission: 'snapshots:create' }, schema: { hide: true, body: TakeForm } },
    async (request, reply) =>
      answerForm(
        request,
        async () => {
          const { dataset, title, note, ...fields } = request.body
          const scope = scopeOfForm(fields, app.datasets.get(dataset).root.key)
          const wanted = { dataset, scope, ...(title && { title }), ...(note && { note }) }
          const { snapshot } = await takeSnapshot(app, wanted, causeOf(request))
          await waitUntilFinished(app, snapshot, shortWait)
          return reply.leadTo(`/snapshots/${snapshot.id}`)
        },
        (shown) => showForm(app, request.actor, reply, shown),
      ),
  )
}

export default pages

function showForm(app: FastifyInstance, actor: Actor, reply: FastifyReply, shown: Shown): Promise<string> {
  return reply.page('snapshots/new', {
    title: 'Take snapshot',
    backTo: '/snapshots/new',
    datasets: usableDatasets(app.datasets, actor),
    ...shown,
  })
}
