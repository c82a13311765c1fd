import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { failuresOf } from '../batches/failures.ts'
import { resumeBatch } from '../batches/resume-batch.ts'
import { Cleanup } from '../cleanups/cleanup.ts'
import { answerForm, formRoute, type Shown } from '../platform/forms.ts'
import type { Sealer } from '../platform/sealing.ts'
import { requireTypedName } from '../platform/typed-name.ts'
import { form } from '../platform/validation.ts'
import { cancelDelivery } from './cancel-delivery.ts'
import { concernedDelivery } from './concerned-delivery.ts'
import type { Delivery } from './delivery.ts'
import { isOver, presentDelivery, type PresentedDelivery } from './present-delivery.ts'
import { renewToken } from './renew-token.ts'
import { DeliveryParams, Token } from './schemas.ts'

const closed = { additionalProperties: false } as const

const CancelForm = Type.Object(
  { confirmation: Type.Optional(Type.String({ maxLength: 200 })) },
  { ...closed, ...form },
)
const ResumptionForm = Type.Object(
  {
    retry: Type.Optional(Type.Enum(['none', 'all'])),
    error: Type.Optional(Type.String({ maxLength: 200 })),
  },
  { ...closed, ...form },
)
const TokenForm = Type.Object({ accessToken: Token }, { ...closed, ...form })

/** Failed files that the page shows; the list of the batch's items has all. */
const shownFailed = 20

/** The page of one delivery, with all that can be done with it. */
const deliveryPage: FastifyPluginAsyncTypebox<{ sealer: Sealer }> = async (app, { sealer }) => {
  app.get(
    '/deliveries/:id',
    { config: { permission: 'deliveries:view' }, schema: { hide: true, params: DeliveryParams } },
    async (request, reply) => show(app, reply, await concernedDelivery(app, request, request.params.id)),
  )

  app.get(
    '/deliveries/:id/cancellation',
    { config: { permission: 'deliveries:create' }, schema: { hide: true, params: DeliveryParams } },
    async (request, reply) =>
      showCancel(app, reply, await concernedDelivery(app, request, request.params.id)),
  )

  app.post(
    '/deliveries/:id/cancellation',
    {
      ...formRoute,
      config: { permission: 'deliveries:create' },
      schema: { hide: true, params: DeliveryParams, body: CancelForm },
    },
    async (request, reply) => {
      const delivery = await concernedDelivery(app, request, request.params.id)
      const { id, dataset } = delivery
      return answerForm(
        request,
        async () => {
          requireTypedName(request.body.confirmation, dataset)
          await cancelDelivery(app, id, causeOf(request))
          return reply.leadTo(
            `/deliveries/${id}`,
            'The delivery is given up. What was delivered stays there.',
          )
        },
        (shown) => showCancel(app, reply, delivery, shown),
      )
    },
  )

  app.post(
    '/deliveries/:id/resumption',
    {
      ...formRoute,
      config: { permission: 'batches:control' },
      schema: { hide: true, params: DeliveryParams, body: ResumptionForm },
    },
    async (request, reply) =>
      onDelivery(app, request, reply, request.params.id, async ({ batchId }) => {
        const { retry = 'none', error } = request.body
        await resumeBatch(app, batchId, causeOf(request), retry === 'all' ? { matching: { error } } : null)
        return 'It goes on.'
      }),
  )

  app.post(
    '/deliveries/:id/token',
    {
      ...formRoute,
      config: { permission: 'deliveries:create' },
      schema: { hide: true, params: DeliveryParams, body: TokenForm },
    },
    async (request, reply) =>
      onDelivery(app, request, reply, request.params.id, async ({ id }) => {
        const { accessToken } = request.body
        await renewToken(app, sealer, { id, accessToken }, causeOf(request))
        return 'The delivery goes on with the new token.'
      }),
  )
}

export default deliveryPage

/** Does something with a delivery and leads back to it; a problem is shown there too. */
async function onDelivery(
  app: FastifyInstance,
  request: FastifyRequest,
  reply: FastifyReply,
  id: string,
  act: (delivery: Delivery) => Promise<string>,
): Promise<unknown> {
  const delivery = await concernedDelivery(app, request, id)
  return answerForm(
    request,
    async () => reply.leadTo(`/deliveries/${id}`, await act(delivery)),
    ({ problem }) => show(app, reply, delivery, { problem }),
  )
}

async function show(
  app: FastifyInstance,
  reply: FastifyReply,
  delivery: Delivery,
  shown: Shown = {},
): Promise<string> {
  const presented = await presentDelivery(app, delivery)
  const { id, cleanupId } = presented
  const explained = presented.error === null ? undefined : app.problems.get(presented.error.code)
  const failedFiles = presented.progress?.failed ?? 0
  const em = app.orm.em.fork()
  return reply.page('deliveries/show', {
    ...describe(app, presented),
    entity: { type: 'delivery', id },
    busy: !isOver(presented) && presented.status !== 'paused',
    refresh: !isOver(presented),
    progress: progressOf(presented),
    errorTitle: explained?.title,
    errorHint: explained?.hint,
    cleanup: cleanupId === null ? null : await em.findOne(Cleanup, { id: cleanupId }),
    ...(failedFiles > 0 ? await failuresOf(app, presented.batchId, shownFailed) : { errors: [], failed: [] }),
    ...shown,
  })
}

async function showCancel(
  app: FastifyInstance,
  reply: FastifyReply,
  delivery: Delivery,
  shown: Shown = {},
): Promise<string> {
  const presented = await presentDelivery(app, delivery)
  return reply.page('deliveries/cancel', {
    ...describe(app, presented),
    isOver: isOver(presented),
    ...shown,
  })
}

function describe(app: FastifyInstance, presented: PresentedDelivery) {
  const { id, dataset: name, title } = presented
  const dataset = app.datasets.list().find((listed) => listed.name === name)
  return {
    title: title ?? `Delivery of ${dataset?.title ?? name}`,
    path: `/deliveries/${id}`,
    backTo: `/deliveries/${id}`,
    delivery: presented,
    dataset: { name, title: dataset?.title ?? name },
  }
}

function progressOf({ status, progress }: PresentedDelivery) {
  if (progress === null) return { phase: 'Listing the files', total: 0 }
  const { total, completed, failed, rate, etaSeconds } = progress
  const phase = status === 'concluding' ? 'Delivering the index' : 'Copying files'
  return { phase, unit: 'file', done: completed + failed, total, rate, secondsLeft: etaSeconds ?? 0 }
}
