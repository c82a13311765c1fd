import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import Type from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { keysOfLines } from '../datasets/typed-keys.ts'
import { url } from '../platform/components.ts'
import { TextFilter } from '../platform/filters.ts'
import { answerForm, formRoute, type Shown } from '../platform/forms.ts'
import { form } from '../platform/validation.ts'
import { findSnapshot } from '../snapshots/find-snapshots.ts'
import { presentSnapshot } from '../snapshots/present-snapshot.ts'
import type { Snapshot } from '../snapshots/snapshot.ts'
import listPage from './list-page.ts'
import { parseKeys } from './parse-keys.ts'
import { planRestore } from './plan-restore.ts'
import { modes } from './plan.ts'
import restorePage, { datasetOf, shortWait } from './restore-page.ts'
import { waitUntilSettled } from './wait-until-settled.ts'

const closed = { additionalProperties: false } as const
const Id = Type.String({ format: 'uuid' })

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
  await app.register(listPage)
  await app.register(restorePage)

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
