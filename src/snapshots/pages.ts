import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import Type from 'typebox'
import { causeOf, type Actor } from '../audit/actor.ts'
import { openDatasets, usableDatasets } from '../datasets/open-datasets.ts'
import { DayFilter, TextFilter } from '../platform/filters.ts'
import { answerForm, formRoute, type Shown } from '../platform/forms.ts'
import { filterOf, ListPageQuery, listOf } from '../platform/list-page.ts'
import type { PageQuery } from '../platform/read-page.ts'
import { sendCsv } from '../platform/send-csv.ts'
import { form } from '../platform/validation.ts'
import changesPage from './changes-page.ts'
import { listSnapshots, snapshotSorting } from './list-snapshots.ts'
import { presentSnapshot } from './present-snapshot.ts'
import { waitUntilFinished } from './requests.ts'
import { snapshotCsv } from './snapshot-csv.ts'
import { scopeFields, scopeOfForm } from './scope-form.ts'
import snapshotPage, { triggerWords } from './snapshot-page.ts'
import { statuses, triggers } from './snapshot.ts'
import { takeSnapshot } from './take-snapshot.ts'

const closed = { additionalProperties: false } as const

const ListQuery = ListPageQuery(
  {
    dataset: TextFilter,
    status: Type.Optional(Type.Enum([...statuses])),
    trigger: Type.Optional(Type.Enum([...triggers])),
    key: TextFilter,
    from: DayFilter,
    to: DayFilter,
  },
  snapshotSorting,
)

const NewQuery = Type.Object({ dataset: TextFilter, keys: TextFilter }, closed)

const Title = Type.Optional(Type.String({ maxLength: 200 }))
const Note = Type.Optional(Type.String({ maxLength: 2000 }))

const TakeForm = Type.Object(
  { dataset: Type.String({ maxLength: 100 }), ...scopeFields, title: Title, note: Note },
  { ...closed, ...form },
)

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
      const { sort, cursor } = query
      const read = (page: PageQuery) => listSnapshots(app, actor, filterOf(query), { sort, ...page })
      if (query.format === 'csv') return sendCsv(reply, 'snapshots', snapshotCsv, read)
      const { items, nextCursor } = await read({ cursor })
      return reply.page('snapshots/list', {
        title: 'Snapshots',
        items: items.map(presentSnapshot),
        datasets: openDatasets(app.datasets, actor),
        triggers: triggerWords,
        ...listOf('/snapshots', query, snapshotSorting, { nextCursor }),
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
