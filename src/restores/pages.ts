import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import Type from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { keysOfLines } from '../datasets/typed-keys.ts'
import { url } from '../platform/components.ts'
import { decodeCursor, encodeCursor } from '../platform/cursors.ts'
import { FilterQuery, pagesOf, TextFilter } from '../platform/filters.ts'
import { answerForm, formRoute, type Shown } from '../platform/forms.ts'
import { form } from '../platform/validation.ts'
import { findSnapshot } from '../snapshots/find-snapshots.ts'
import { presentSnapshot } from '../snapshots/present-snapshot.ts'
import type { Snapshot } from '../snapshots/snapshot.ts'
import { findRestores } from './find-restores.ts'
import { parseKeys } from './parse-keys.ts'
import { planRestore } from './plan-restore.ts'
import { modes } from './plan.ts'
import { presentRestore } from './present-restore.ts'
import restorePage, { datasetOf, shortWait } from './restore-page.ts'
import { statuses } from './restore.ts'
import { waitUntilSettled } from './wait-until-settled.ts'

const closed = { additionalProperties: false } as const
const Id = Type.String({ format: 'uuid' })
const Position = Type.Tuple([Id])

const ListQuery = FilterQuery({
  dataset: TextFilter,
  snapshotId: Type.Optional(Id),
  status: Type.Optional(Type.Enum([...statuses])),
})

const NewQuery = Type.Object({ snapshot: Id, keys: TextFilter }, closed)

const PlanForm = Type.Object(
  {
    snapshotId: Id,
    mode: Type.Enum([...modes]),
    which: Type.Enum(['all', 'keys']),
    keys: Type.Optional(Type.String({ maxLength: 500_000 })),
  },
  { ...closed, ...form },
)

const pageSize = 50

/** The pages of restores: the list, and asking for a plan; see restore-page.ts for one of them. */
const pages: FastifyPluginAsyncTypebox = async (app) => {
  app.addNavigation({
    group: 'Data',
    label: 'Restores',
    path: '/restores',
    icon: 'restore',
    key: 'r',
    permission: 'restores:list',
  })
  await app.register(restorePage)

  app.get(
    '/restores',
    { config: { permission: 'restores:list' }, schema: { hide: true, querystring: ListQuery } },
    async ({ query }, reply) => {
      const { cursor, ...filter } = query
      const [before] = decodeCursor(cursor, Position) ?? []
      const found = await findRestores(app.orm.em, filter, pageSize + 1, before)
      const last = found.length > pageSize ? found[pageSize - 1] : undefined
      const nextCursor = last === undefined ? null : encodeCursor([last.id])
      return reply.page('restores/list', {
        title: 'Restores',
        items: found.slice(0, pageSize).map(presentRestore),
        filter: query,
        filtered: Object.keys(filter).length > 0,
        datasets: app.datasets.list(),
        statuses,
        pages: pagesOf((more) => url('/restores', more), query, nextCursor),
      })
    },
  )

  app.get(
    '/restores/new',
    { config: { permission: 'restores:plan' }, schema: { hide: true, querystring: NewQuery } },
    async ({ query: { snapshot: id, keys } }, reply) => {
      const snapshot = await findSnapshot(app.orm.em, id)
      return showForm(app, reply, snapshot, { typed: keys === undefined ? {} : { which: 'keys', keys } })
    },
  )

  app.post(
    '/restores',
    { ...formRoute, config: { permission: 'restores:plan' }, schema: { hide: true, body: PlanForm } },
    async (request, reply) => {
      if (request.validationError) throw request.validationError
      const { snapshotId, mode, which, keys } = request.body
      const snapshot = await findSnapshot(app.orm.em, snapshotId)
      return answerForm(
        request,
        async () => {
          const columns = app.datasets.get(snapshot.dataset).root.key
          const chosen =
            which === 'all' ? null : await parseKeys(app, snapshotId, keysOfLines(keys ?? '', columns))
          const restore = await planRestore(app, { snapshotId, mode, keys: chosen }, causeOf(request))
          await waitUntilSettled(app, restore, shortWait)
          return reply.leadTo(`/restores/${restore.id}`)
        },
        (shown) => showForm(app, reply, snapshot, shown),
      )
    },
  )
}

export default pages

function showForm(
  app: FastifyInstance,
  reply: FastifyReply,
  snapshot: Snapshot,
  shown: Shown,
): Promise<string> {
  return reply.page('restores/new', {
    title: 'Restore',
    backTo: url('/restores/new', { snapshot: snapshot.id }),
    snapshot: presentSnapshot(snapshot),
    dataset: datasetOf(app, snapshot.dataset),
    ...shown,
  })
}
