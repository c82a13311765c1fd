import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import Type from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { keysOfLines } from '../datasets/typed-keys.ts'
import { url } from '../platform/components.ts'
import { decodeCursor, encodeCursor } from '../platform/cursors.ts'
import { FilterQuery, pagesOf, TextFilter } from '../platform/filters.ts'
import { answerForm, formRoute } from '../platform/forms.ts'
import { requireTypedName } from '../platform/typed-name.ts'
import { form } from '../platform/validation.ts'
import { findSnapshot } from '../snapshots/find-snapshots.ts'
import { presentSnapshot } from '../snapshots/present-snapshot.ts'
import type { Snapshot } from '../snapshots/snapshot.ts'
import { applyRestore } from './apply-restore.ts'
import { cancelRestore } from './cancel-restore.ts'
import { concernedRestore } from './concerned-restore.ts'
import { findRestores, findUndos } from './find-restores.ts'
import { parseKeys } from './parse-keys.ts'
import { planRestore } from './plan-restore.ts'
import { modes } from './plan.ts'
import { presentRestore } from './present-restore.ts'
import { statuses, type Restore, type RestoreProgress } from './restore.ts'
import { RestoreParams } from './schemas.ts'
import { undoRestore } from './undo-restore.ts'
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

const ApplicationForm = Type.Object(
  {
    planHash: Type.String({ maxLength: 100 }),
    confirmation: Type.Optional(Type.String({ maxLength: 200 })),
  },
  { ...closed, ...form },
)

const NoForm = Type.Union([Type.Object({}, closed), Type.Null()], form)

const pageSize = 50

/** Most plans and restores are done within this time, in seconds: then there is no page in between that says so. */
const shortWait = 1

/** The pages of restores: the list, asking for a plan, the plan with its button, the work, the result and its undo. */
const pages: FastifyPluginAsyncTypebox = async (app) => {
  app.addNavigation({
    group: 'Data',
    label: 'Restores',
    path: '/restores',
    icon: 'restore',
    permission: 'restores:list',
  })

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

  app.get(
    '/restores/:id',
    { config: { permission: 'restores:view' }, schema: { hide: true, params: RestoreParams } },
    async (request, reply) => show(app, reply, await concernedRestore(app, request, request.params.id)),
  )

  app.post(
    '/restores/:id/application',
    {
      ...formRoute,
      config: { permission: 'restores:apply' },
      schema: { hide: true, params: RestoreParams, body: ApplicationForm },
    },
    async (request, reply) => {
      const restore = await concernedRestore(app, request, request.params.id)
      return answerForm(
        request,
        async () => {
          const { planHash, confirmation } = request.body
          requireTypedName(confirmation, restore.dataset)
          const applying = await applyRestore(app, restore.id, planHash, causeOf(request))
          await waitUntilSettled(app, applying, shortWait)
          return reply.leadTo(`/restores/${restore.id}`)
        },
        (shown) => show(app, reply, restore, shown),
      )
    },
  )

  app.post(
    '/restores/:id/undo',
    {
      ...formRoute,
      config: { permission: 'restores:undo' },
      schema: { hide: true, params: RestoreParams, body: NoForm },
    },
    async (request, reply) => {
      const restore = await concernedRestore(app, request, request.params.id)
      return answerForm(
        request,
        async () => {
          const undo = await undoRestore(app, restore.id, causeOf(request))
          await waitUntilSettled(app, undo, shortWait)
          return reply.leadTo(`/restores/${undo.id}`)
        },
        (shown) => show(app, reply, restore, shown),
      )
    },
  )

  app.post(
    '/restores/:id/cancellation',
    {
      ...formRoute,
      config: { permission: 'restores:apply' },
      schema: { hide: true, params: RestoreParams, body: NoForm },
    },
    async (request, reply) => {
      const { id } = await concernedRestore(app, request, request.params.id)
      const { status } = await cancelRestore(app, id, causeOf(request))
      return reply.leadTo(
        `/restores/${id}`,
        status === 'cancelled' ? 'Cancelled.' : 'It was too late to cancel.',
      )
    },
  )
}

export default pages

type Shown = { typed?: unknown; problem?: unknown }

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

async function show(
  app: FastifyInstance,
  reply: FastifyReply,
  restore: Restore,
  shown: Shown = {},
): Promise<string> {
  const { id, dataset, status, error, preRestoreSnapshotId } = restore
  const explained = error === null ? undefined : app.problems.get(error.code)
  const undos = await findUndos(app.orm.em, id)
  return reply.page('restores/show', {
    title: `Restore of ${dataset}`,
    backTo: `/restores/${id}`,
    restore: presentRestore(restore),
    snapshot: await findSnapshot(app.orm.em, restore.snapshotId).then(presentSnapshot, () => null),
    dataset: datasetOf(app, dataset),
    busy: restore.isUnfinished(),
    refresh: restore.isUnfinished(),
    progress: progressOf(restore),
    undos,
    undoable: status === 'completed' && preRestoreSnapshotId !== null,
    again: status === 'failed' || status === 'cancelled',
    errorTitle: explained?.title,
    errorHint: explained?.hint,
    ...shown,
  })
}

/** A dataset may be gone while its restores stay. */
function datasetOf(app: FastifyInstance, name: string): { name: string; title: string } {
  return app.datasets.list().find((dataset) => dataset.name === name) ?? { name, title: name }
}

const phases: Record<RestoreProgress['phase'], string> = {
  verifying: 'Verifying the snapshot',
  comparing: 'Comparing with the source',
  capturing: 'Capturing what will be overwritten',
  writing: 'Writing and proving',
}

function progressOf({ status, progress, plan }: Restore) {
  const phase = progress === null ? 'Waiting for its turn' : phases[progress.phase]
  const total = status === 'applying' && progress?.phase === 'writing' ? (plan?.differing ?? 0) : 0
  return { phase, done: progress?.records ?? 0, total, unit: 'record' }
}
