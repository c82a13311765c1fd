import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type, { type Static } from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { answerForm, formRoute, type Shown } from '../platform/forms.ts'
import { requireTypedName } from '../platform/typed-name.ts'
import { form } from '../platform/validation.ts'
import { waitUntilSettled } from '../restores/wait-until-settled.ts'
import { applyCleanup, cancelCleanup, changeCleanup, undoCleanup } from './change-cleanup.ts'
import type { Cleanup } from './cleanup.ts'
import { describeCleanup } from './describe-cleanup.ts'
import { concernedCleanup, waitUntilOver } from './requests.ts'
import { CleanupParams } from './schemas.ts'
import { deadlineOf } from './typed-deadline.ts'

const dayMs = 86_400_000

const closed = { additionalProperties: false } as const

/** Most are done within this time, in seconds: then there is no page in between that says so. */
export const shortWait = 1

const NoForm = Type.Union([Type.Object({}, closed), Type.Null()], form)

const ChangeForm = Type.Object(
  {
    hold: Type.Optional(Type.Enum(['yes', 'no'])),
    /** Later than planned by so many days. */
    days: Type.Optional(Type.Integer({ minimum: 1, maximum: 365 })),
    dueAt: Type.Optional(Type.String({ maxLength: 20 })),
    time: Type.Optional(Type.String({ maxLength: 20 })),
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
        await changeCleanup(app, cleanup.id, changesOf(app, cleanup, request.body), causeOf(request))
        return reply.leadTo(`/cleanups/${cleanup.id}`, saidOf(request.body))
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
      return reply.leadTo(
        `/cleanups/${id}`,
        status === 'cancelled' ? 'Cancelled: nothing is removed.' : stopping,
      )
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

/** Days are counted from its deadline, or from now once that has passed. */
function changesOf(
  { clock }: FastifyInstance,
  cleanup: Cleanup,
  { hold, days, dueAt, time }: Static<typeof ChangeForm>,
): { hold?: boolean; dueAt?: Date } {
  if (hold !== undefined) return { hold: hold === 'yes' }
  if (days === undefined) return { dueAt: deadlineOf(dueAt ?? '', time) }
  return { dueAt: new Date(Math.max(cleanup.dueAt.getTime(), clock.now().getTime()) + days * dayMs) }
}

function saidOf({ hold }: Static<typeof ChangeForm>): string {
  if (hold === undefined) return 'Postponed.'
  return hold === 'yes' ? 'On hold: it does not run until the hold is lifted.' : 'The hold is lifted.'
}

async function show(
  app: FastifyInstance,
  reply: FastifyReply,
  cleanup: Cleanup,
  shown: Shown = {},
): Promise<string> {
  return reply.page('cleanups/show', {
    ...(await describeCleanup(app, cleanup)),
    entity: { type: 'cleanup', id: cleanup.id },
    ...shown,
  })
}
