import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import Type from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { fieldsOfScope } from '../datasets/scope-link.ts'
import { canOn } from '../datasets/can-on.ts'
import { keysOf } from '../datasets/scope.ts'
import { url } from '../platform/components.ts'
import { answerForm, formRoute, type Shown } from '../platform/forms.ts'
import { paceOf } from '../platform/pace.ts'
import { requireTypedName } from '../platform/typed-name.ts'
import { form } from '../platform/validation.ts'
import { cancelExport } from './cancel-export.ts'
import { deleteExport } from './delete-export.ts'
import type { Export } from './export.ts'
import { presentExport } from './present-export.ts'
import { concernedExport } from './requests.ts'
import { ExportParams } from './schemas.ts'

const closed = { additionalProperties: false } as const

const DeletionForm = Type.Object(
  { confirmation: Type.Optional(Type.String({ maxLength: 200 })) },
  { ...closed, ...form },
)

const NoForm = Type.Union([Type.Object({}, closed), Type.Null()], form)

/** The page of one export, with all that can be done with it. */
const exportPage: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/exports/:id',
    { config: { permission: 'exports:view' }, schema: { hide: true, params: ExportParams } },
    async (request, reply) => show(app, reply, await concernedExport(app, request, request.params.id)),
  )

  app.post(
    '/exports/:id/cancellation',
    {
      ...formRoute,
      config: { permission: 'exports:create' },
      schema: { hide: true, params: ExportParams, body: NoForm },
    },
    async (request, reply) => {
      const exported = await concernedExport(app, request, request.params.id)
      return answerForm(
        request,
        async () => {
          await cancelExport(app, exported.id, causeOf(request))
          return reply.leadTo(`/exports/${exported.id}`, 'The export is cancelled. Nothing of it was kept.')
        },
        (shown) => show(app, reply, exported, shown),
      )
    },
  )

  app.post(
    '/exports/:id/deletion',
    {
      ...formRoute,
      config: { permission: 'exports:delete' },
      schema: { hide: true, params: ExportParams, body: DeletionForm },
    },
    async (request, reply) => {
      const exported = await concernedExport(app, request, request.params.id)
      return answerForm(
        request,
        async () => {
          requireTypedName(request.body.confirmation, exported.dataset)
          await deleteExport(app, exported.id, causeOf(request))
          return reply.leadTo(url('/exports', { dataset: exported.dataset }), 'The export is deleted.')
        },
        (shown) => show(app, reply, exported, shown),
      )
    },
  )
}

export default exportPage

async function show(
  app: FastifyInstance,
  reply: FastifyReply,
  exported: Export,
  shown: Shown = {},
): Promise<string> {
  const { id, dataset, title, error } = exported
  const explained = error === null ? undefined : app.problems.get(error.code)
  return reply.page('exports/show', {
    title: title ?? `Export of ${dataset}`,
    backTo: `/exports/${id}`,
    entity: { type: 'export', id },
    can: await canOn(app, reply.request.actor, dataset, keysOf(exported.scope)),
    exported: presentExport(exported),
    again: againOf(exported),
    // A dataset may be gone while its exports stay.
    dataset: { title: app.datasets.list().find(({ name }) => name === dataset)?.title ?? dataset },
    progress: progressOf(app, exported),
    refresh: exported.isUnfinished(),
    errorTitle: explained?.title,
    errorHint: explained?.hint,
    ...shown,
  })
}

/** The form that asks for the same once more. */
function againOf({ dataset, scope, format, includeChildren, title }: Export) {
  return { dataset, ...fieldsOfScope(scope), format, includeChildren, ...(title !== null && { title }) }
}

function progressOf(app: FastifyInstance, { status, startedAt, progressRecords }: Export) {
  if (status === 'queued' || startedAt === null) return { phase: 'Waiting for its turn', total: 0 }
  const seconds = (app.clock.now().getTime() - startedAt.getTime()) / 1000
  return { phase: 'Writing records', unit: 'record', ...paceOf(progressRecords, 0, seconds) }
}
