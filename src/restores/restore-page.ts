import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import Type, { type Static } from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { lineOfKey } from '../datasets/typed-keys.ts'
import { answerForm, formRoute, type Shown } from '../platform/forms.ts'
import { paceOf } from '../platform/pace.ts'
import { requireTypedName } from '../platform/typed-name.ts'
import { form } from '../platform/validation.ts'
import { findSnapshot } from '../snapshots/find-snapshots.ts'
import { presentSnapshot } from '../snapshots/present-snapshot.ts'
import { applyRestore } from './apply-restore.ts'
import { cancelRestore } from './cancel-restore.ts'
import { concernedRestore } from './concerned-restore.ts'
import { filterPlan, PlanFilter } from './filter-plan.ts'
import { findUndos } from './find-restores.ts'
import { presentRestore } from './present-restore.ts'
import type { Restore, RestoreProgress } from './restore.ts'
import { RestoreParams } from './schemas.ts'
import { undoRestore } from './undo-restore.ts'
import { waitUntilSettled } from './wait-until-settled.ts'

const closed = { additionalProperties: false } as const

const ApplicationForm = Type.Object(
  {
    planHash: Type.String({ maxLength: 100 }),
    confirmation: Type.Optional(Type.String({ maxLength: 200 })),
  },
  { ...closed, ...form },
)

const NoForm = Type.Union([Type.Object({}, closed), Type.Null()], form)

/** Most plans and restores are done within this time, in seconds: then there is no page in between that says so. */
export const shortWait = 1

/** The page of one restore: its plan with the button, the work, the result, its undo. */
const restorePage: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/restores/:id',
    {
      config: { permission: 'restores:view' },
      schema: { hide: true, params: RestoreParams, querystring: PlanFilter },
    },
    async (request, reply) => {
      const restore = await concernedRestore(app, request, request.params.id)
      return show(app, reply, restore, {}, request.query)
    },
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

export default restorePage

async function show(
  app: FastifyInstance,
  reply: FastifyReply,
  restore: Restore,
  shown: Shown = {},
  filter: Static<typeof PlanFilter> = {},
): Promise<string> {
  const presented = presentRestore(restore)
  const { id, dataset, status, error, preRestoreSnapshotId } = restore
  const explained = error === null ? undefined : app.problems.get(error.code)
  const undos = await findUndos(app.orm.em, id)
  return reply.page('restores/show', {
    title: `Restore of ${dataset}`,
    backTo: `/restores/${id}`,
    entity: { type: 'restore', id },
    restore: presented,
    ...filterPlan(presented, filter),
    filter,
    moved: (restore.error?.moved ?? []).map((key) => ({ key, keyText: lineOfKey(key) })),
    snapshot: await findSnapshot(app.orm.em, restore.snapshotId).then(presentSnapshot, () => null),
    dataset: datasetOf(app, dataset),
    busy: restore.isUnfinished(),
    refresh: restore.isUnfinished(),
    progress: progressOf(app, restore),
    undos: undos.map(presentRestore),
    undoable: status === 'completed' && preRestoreSnapshotId !== null,
    again: status === 'failed' || status === 'cancelled',
    errorTitle: explained?.title,
    errorHint: explained?.hint,
    ...shown,
  })
}

/** A dataset may be gone while its restores stay. */
export function datasetOf(app: FastifyInstance, name: string): { name: string; title: string } {
  return app.datasets.list().find((dataset) => dataset.name === name) ?? { name, title: name }
}

const phases: Record<RestoreProgress['phase'], string> = {
  comparing: 'Comparing with the source',
  capturing: 'Capturing what will be overwritten',
  writing: 'Writing and proving',
}

function progressOf({ clock }: FastifyInstance, { keys, progress, startedAt, plan }: Restore) {
  if (progress === null) return { phase: 'Waiting for its turn', total: 0 }
  const { phase, records } = progress
  const expected = phase === 'comparing' ? (keys?.length ?? 0) : (plan?.differing ?? 0)
  const seconds = startedAt === null ? 0 : (clock.now().getTime() - startedAt.getTime()) / 1000
  return { phase: phases[phase], unit: 'record', ...paceOf(records, expected, seconds) }
}
