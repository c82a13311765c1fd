import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { invalidField } from '../datasets/typed-keys.ts'
import { answerForm, formRoute, type Shown } from '../platform/forms.ts'
import { requireTypedName } from '../platform/typed-name.ts'
import { form } from '../platform/validation.ts'
import { waitUntilSettled } from '../restores/wait-until-settled.ts'
import { applyCleanup, cancelCleanup, changeCleanup, undoCleanup } from './change-cleanup.ts'
import type { Cleanup } from './cleanup.ts'
import { presentCleanup } from './present-cleanup.ts'
import { concernedCleanup, waitUntilOver } from './requests.ts'
import { CleanupParams } from './schemas.ts'

const closed = { additionalProperties: false } as const

/** Most are done within this time, in seconds: then there is no page in between that says so. */
export const shortWait = 1

const NoForm = Type.Union([Type.Object({}, closed), Type.Null()], form)

const ChangeForm = Type.Object(
  {
    hold: Type.Optional(Type.Enum(['yes', 'no'])),
    day: Type.Optional(Type.String({ maxLength: 20 })),
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

/** The page of one cleanup: its plan and deadline, what can be done about it, its result and its undo. */
const cleanupPage: FastifyPluginAsyncTypebox = async (app) => {
  const act = (
    request: FastifyRequest,
    reply: FastifyReply,
    cleanup: Cleanup,
    run: () => Promise<unknown>,
  ): Promise<unknown> => answerForm(request, run, (shown) => show(app, reply, cleanup, shown))

  app.get(
    '/cleanups/:id',
    { config: { permission: 'cleanups:view' }, schema: { hide: true, params: CleanupParams } },
    async (request, reply) => show(app, reply, await concernedCleanup(app, request, request.params.id)),
  )

  app.post(
    '/cleanups/:id',
    {
      ...formRoute,
      config: { permission: 'cleanups:update' },
      schema: { hide: true, params: CleanupParams, body: ChangeForm },
    },
    async (request, reply) => {
      const cleanup = await concernedCleanup(app, request, request.params.id)
      return act(request, reply, cleanup, async () => {
        const { hold, day } = request.body
        const changes = {
          ...(hold !== undefined && { hold: hold === 'yes' }),
          ...(day !== undefined && { dueAt: dayOf(day) }),
        }
        await changeCleanup(app, cleanup.id, changes, causeOf(request))
        return reply.leadTo(`/cleanups/${cleanup.id}`)
      })
    },
  )

  app.post(
    '/cleanups/:id/application',
    {
      ...formRoute,
      config: { permission: 'cleanups:apply' },
      schema: { hide: true, params: CleanupParams, body: ApplicationForm },
    },
    async (request, reply) => {
      const cleanup = await concernedCleanup(app, request, request.params.id)
      return act(request, reply, cleanup, async () => {
        const { planHash, confirmation } = request.body
        requireTypedName(confirmation, cleanup.dataset)
        await waitUntilOver(app, await applyCleanup(app, cleanup.id, planHash, causeOf(request)), shortWait)
        return reply.leadTo(`/cleanups/${cleanup.id}`)
      })
    },
  )

  app.post(
    '/cleanups/:id/cancellation',
    {
      ...formRoute,
      config: { permission: 'cleanups:cancel' },
      schema: { hide: true, params: CleanupParams, body: NoForm },
    },
    async (request, reply) => {
      const { id } = await concernedCleanup(app, request, request.params.id)
      const { status } = await cancelCleanup(app, id, causeOf(request))
      const stopping =
        status === 'removing' ? 'It stops after the chunk at hand.' : 'It was too late to cancel.'
      return reply.leadTo(`/cleanups/${id}`, status === 'cancelled' ? 'Cancelled.' : stopping)
    },
  )

  app.post(
    '/cleanups/:id/undo',
    {
      ...formRoute,
      config: { permission: 'cleanups:undo' },
      schema: { hide: true, params: CleanupParams, body: NoForm },
    },
    async (request, reply) => {
      const cleanup = await concernedCleanup(app, request, request.params.id)
      return act(request, reply, cleanup, async () => {
        const undo = await undoCleanup(app, cleanup.id, causeOf(request))
        await waitUntilSettled(app, undo, shortWait)
        return reply.leadTo(`/restores/${undo.id}`)
      })
    },
  )
}

export default cleanupPage

/** The beginning of a day, as forms have them. */
export function dayOf(day: string): Date {
  const date = /^\d{4}-\d\d-\d\d$/.test(day) ? new Date(`${day}T00:00:00Z`) : new Date(Number.NaN)
  if (Number.isNaN(date.getTime())) throw invalidField('day', 'must be a day such as 2026-12-31')
  return date
}

async function show(
  app: FastifyInstance,
  reply: FastifyReply,
  cleanup: Cleanup,
  shown: Shown = {},
): Promise<string> {
  const { id, dataset: name, error } = cleanup
  const explained = error === null ? undefined : app.problems.get(error.code)
  const presented = await presentCleanup(app, cleanup)
  const { progress } = presented
  return reply.page('cleanups/show', {
    title: `Cleanup of ${name}`,
    backTo: `/cleanups/${id}`,
    entity: { type: 'cleanup', id },
    cleanup: presented,
    dataset: app.datasets.list().find((dataset) => dataset.name === name) ?? { name, title: name },
    waiting: cleanup.isWaiting(),
    busy: cleanup.isRunning(),
    refresh: cleanup.isRunning(),
    undoable: cleanup.isOver() && cleanup.snapshotId !== null && (cleanup.counts?.removed ?? 0) > 0,
    progress: {
      phase: cleanup.status === 'removing' ? 'Removing' : 'Capturing and verifying',
      unit: cleanup.target === 'records' ? 'record' : 'object',
      done: progress === null ? 0 : progress.removed + progress.left,
      total: progress?.total ?? 0,
    },
    errorTitle: explained?.title,
    errorHint: explained?.hint,
    ...shown,
  })
}
