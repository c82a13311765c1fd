import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { may } from '../access/permissions.ts'
import { causeOf } from '../audit/actor.ts'
import { canOn } from '../datasets/can-on.ts'
import { keysOf } from '../datasets/scope.ts'
import { fieldsOfScope } from '../datasets/scope-link.ts'
import { url } from '../platform/components.ts'
import { startOfDay } from '../platform/filters.ts'
import { answerForm, formRoute, type Shown } from '../platform/forms.ts'
import { paceOf } from '../platform/pace.ts'
import { requireTypedName } from '../platform/typed-name.ts'
import { requireUnchanged, seenOf, type Filled } from '../platform/unchanged.ts'
import { form } from '../platform/validation.ts'
import { cancelSnapshot } from './cancel-snapshot.ts'
import { deleteSnapshot } from './delete-snapshot.ts'
import { fileName } from './file-names.ts'
import { presentSnapshot } from './present-snapshot.ts'
import { concernedSnapshot, whileConnected } from './requests.ts'
import { sampleOf } from './sample-records.ts'
import { SnapshotParams } from './schemas.ts'
import type { Snapshot } from './snapshot.ts'
import { updateSnapshot } from './update-snapshot.ts'
import { verifySnapshot } from './verify-snapshot.ts'

const closed = { additionalProperties: false } as const

const DescriptionForm = Type.Object(
  {
    title: Type.Optional(Type.String({ maxLength: 200 })),
    note: Type.Optional(Type.String({ maxLength: 2000 })),
    expiresOn: Type.Optional(Type.String({ format: 'date' })),
    seen: Type.Optional(Type.String({ maxLength: 20_000 })),
  },
  { ...closed, ...form },
)

const HoldForm = Type.Object({ hold: Type.Boolean() }, { ...closed, ...form })

const DeletionForm = Type.Object(
  { confirmation: Type.Optional(Type.String({ maxLength: 200 })), force: Type.Optional(Type.Boolean()) },
  { ...closed, ...form },
)

const NoForm = Type.Union([Type.Object({}, closed), Type.Null()], form)

/** What people read for `trigger`. */
export const triggerWords: Record<string, string> = {
  manual: 'By hand',
  pre_sync: 'Before a sync',
  scheduled: 'By schedule',
  pre_restore: 'Before a restore',
  pre_cleanup: 'Before a cleanup',
}

/** The page of one snapshot, with all that can be done with it. */
const snapshotPage: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/snapshots/:id',
    { config: { permission: 'snapshots:view' }, schema: { hide: true, params: SnapshotParams } },
    async (request, reply) => show(app, reply, await concernedSnapshot(app, request, request.params.id)),
  )

  app.post(
    '/snapshots/:id/cancellation',
    {
      ...formRoute,
      config: { permission: 'snapshots:create' },
      schema: { hide: true, params: SnapshotParams, body: NoForm },
    },
    async (request, reply) =>
      onSnapshot(app, request, reply, request.params.id, async (id) => {
        await cancelSnapshot(app, id, causeOf(request))
        return 'The snapshot is cancelled. Nothing of it was kept.'
      }),
  )

  app.post(
    '/snapshots/:id/verifications',
    {
      ...formRoute,
      config: { permission: 'snapshots:verify' },
      schema: { hide: true, params: SnapshotParams, body: NoForm },
    },
    async (request, reply) =>
      onSnapshot(app, request, reply, request.params.id, async (id) => {
        const { ok } = await verifySnapshot(app, id, causeOf(request), whileConnected(reply))
        return ok ? 'Verified: the stored bytes are what was written.' : undefined
      }),
  )

  app.post(
    '/snapshots/:id/hold',
    {
      ...formRoute,
      config: { permission: 'snapshots:update' },
      schema: { hide: true, params: SnapshotParams, body: HoldForm },
    },
    async (request, reply) =>
      onSnapshot(app, request, reply, request.params.id, async (id) => {
        const { hold } = request.body
        await updateSnapshot(app, id, { hold }, causeOf(request))
        return hold ? 'The snapshot is on hold.' : 'The hold is lifted.'
      }),
  )

  app.post(
    '/snapshots/:id/description',
    {
      ...formRoute,
      config: { permission: 'snapshots:update' },
      schema: { hide: true, params: SnapshotParams, body: DescriptionForm },
    },
    async (request, reply) =>
      onSnapshot(app, request, reply, request.params.id, async (id, shown) => {
        const { title = null, note = null, expiresOn, seen } = request.body
        const expiresAt = expiresOn === undefined ? null : new Date(startOfDay(expiresOn))
        // The form always sends the day; only another one than it showed is a choice.
        const isChoice = expiresOn !== shown.expiresAt?.toISOString().slice(0, 10)
        const changes = { title, note, ...(isChoice && { expiresAt }) }
        await updateSnapshot(app, id, changes, causeOf(request), (present) =>
          requireUnchanged(seen, descriptionOf(present)),
        )
        return 'Saved.'
      }),
  )

  app.post(
    '/snapshots/:id/deletion',
    {
      ...formRoute,
      config: { permission: 'snapshots:delete' },
      schema: { hide: true, params: SnapshotParams, body: DeletionForm },
    },
    async (request, reply) => {
      const { id } = request.params
      const snapshot = await concernedSnapshot(app, request, id)
      return answerForm(
        request,
        async () => {
          const { confirmation, force = false } = request.body
          requireTypedName(confirmation, snapshot.dataset)
          await deleteSnapshot(app, id, { ...causeOf(request), force })
          return reply.leadTo(url('/snapshots', { dataset: snapshot.dataset }), 'The snapshot is deleted.')
        },
        (shown) => show(app, reply, snapshot, shown),
      )
    },
  )
}

export default snapshotPage

/** Does something with a snapshot and leads back to it; a problem is shown there too. */
async function onSnapshot(
  app: FastifyInstance,
  request: FastifyRequest,
  reply: FastifyReply,
  id: string,
  act: (id: string, snapshot: Snapshot) => Promise<string | undefined>,
): Promise<unknown> {
  const snapshot = await concernedSnapshot(app, request, id)
  return answerForm(
    request,
    async () => reply.leadTo(`/snapshots/${id}`, await act(id, snapshot)),
    (shown) => show(app, reply, snapshot, shown),
  )
}

async function show(
  app: FastifyInstance,
  reply: FastifyReply,
  snapshot: Snapshot,
  shown: Shown = {},
): Promise<string> {
  const { id, dataset, title, error } = snapshot
  const explained = error === null ? undefined : app.problems.get(error.code)
  return reply.page('snapshots/show', {
    title: title ?? `Snapshot of ${dataset}`,
    backTo: `/snapshots/${id}`,
    entity: { type: 'snapshot', id },
    can: await canOn(app, reply.request.actor, dataset, keysOf(snapshot.scope)),
    snapshot: presentSnapshot(snapshot),
    dataset: { name: dataset, title: titleOf(app, dataset) },
    triggers: triggerWords,
    progress: progressOf(app, snapshot),
    same: sameScope(snapshot),
    fileName: snapshot.takenAt && fileName(dataset, snapshot.scope, snapshot.takenAt, 'json'),
    sample: may(reply.request.actor, 'snapshots:delete') ? await sampleOf(app, snapshot) : [],
    refresh: snapshot.isUnfinished(),
    seen: seenOf(descriptionOf(snapshot)),
    errorTitle: explained?.title,
    errorHint: explained?.hint,
    ...shown,
  })
}

/** What the form that changes the description is filled with. */
function descriptionOf({ title, note, expiresAt }: Snapshot): Filled {
  return { title, note, expiresOn: expiresAt?.toISOString().slice(0, 10) ?? null }
}

/** The link that asks for the same records elsewhere; null where they are too many for an address. */
function sameScope({ dataset, scope }: Snapshot) {
  const fields = { dataset, ...fieldsOfScope(scope) }
  return (fields.keys?.length ?? 0) > 1500 ? null : fields
}

/** A dataset may be gone while its snapshots stay. */
function titleOf(app: FastifyInstance, name: string): string {
  return app.datasets.list().find((dataset) => dataset.name === name)?.title ?? name
}

function progressOf(app: FastifyInstance, snapshot: Snapshot) {
  const { status, startedAt, progressRecords } = snapshot
  if (status === 'queued' || startedAt === null) return { phase: 'Waiting for its turn', total: 0 }
  const seconds = (app.clock.now().getTime() - startedAt.getTime()) / 1000
  return {
    phase: 'Copying records',
    unit: 'record',
    ...paceOf(progressRecords, expectedRecords(app, snapshot), seconds),
  }
}

/** The planner's estimate for all of them; a period's records nobody has counted. */
function expectedRecords({ datasets }: FastifyInstance, { dataset: name, scope }: Snapshot): number {
  const keys = keysOf(scope)
  if (keys !== null) return keys.length
  const isUsable = datasets.list().some((listed) => listed.name === name && listed.problems.length === 0)
  return 'all' in scope && isUsable ? Math.max(0, datasets.get(name).root.table.estimatedRows) : 0
}
