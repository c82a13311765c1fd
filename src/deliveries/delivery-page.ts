import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { resumeBatch } from '../batches/resume-batch.ts'
import { answerForm, formRoute, type Shown } from '../platform/forms.ts'
import type { Sealer } from '../platform/sealing.ts'
import { form } from '../platform/validation.ts'
import { cancelDelivery } from './cancel-delivery.ts'
import { concernedDelivery } from './concerned-delivery.ts'
import type { Delivery } from './delivery.ts'
import { isOver, presentDelivery } from './present-delivery.ts'
import { renewToken } from './renew-token.ts'
import { DeliveryParams, Token } from './schemas.ts'

const closed = { additionalProperties: false } as const

const NoForm = Type.Union([Type.Object({}, closed), Type.Null()], form)
const TokenForm = Type.Object({ accessToken: Token }, { ...closed, ...form })

/** The page of one delivery, with all that can be done with it. */
const deliveryPage: FastifyPluginAsyncTypebox<{ sealer: Sealer }> = async (app, { sealer }) => {
  app.get(
    '/deliveries/:id',
    { config: { permission: 'deliveries:view' }, schema: { hide: true, params: DeliveryParams } },
    async (request, reply) => show(app, reply, await concernedDelivery(app, request, request.params.id)),
  )

  app.post(
    '/deliveries/:id/cancellation',
    {
      ...formRoute,
      config: { permission: 'deliveries:create' },
      schema: { hide: true, params: DeliveryParams, body: NoForm },
    },
    async (request, reply) =>
      onDelivery(app, request, reply, request.params.id, async ({ id }) => {
        await cancelDelivery(app, id, causeOf(request))
        return 'The delivery is given up. What was delivered stays there.'
      }),
  )

  app.post(
    '/deliveries/:id/resumption',
    {
      ...formRoute,
      config: { permission: 'batches:control' },
      schema: { hide: true, params: DeliveryParams, body: NoForm },
    },
    async (request, reply) =>
      onDelivery(app, request, reply, request.params.id, async ({ batchId }) => {
        await resumeBatch(app, batchId, causeOf(request), { all: true })
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
  const { id, dataset: name, title } = presented
  const dataset = app.datasets.list().find((listed) => listed.name === name)
  const explained = presented.error === null ? undefined : app.problems.get(presented.error.code)
  return reply.page('deliveries/show', {
    title: title ?? `Delivery of ${name}`,
    backTo: `/deliveries/${id}`,
    entity: { type: 'delivery', id },
    delivery: presented,
    dataset: { name, title: dataset?.title ?? name },
    busy: !isOver(presented) && presented.status !== 'paused',
    refresh: !isOver(presented),
    progress: progressOf(presented),
    errorTitle: explained?.title,
    errorHint: explained?.hint,
    ...shown,
  })
}

function progressOf({ status, progress }: Awaited<ReturnType<typeof presentDelivery>>) {
  if (progress === null) return { phase: 'Listing the files', total: 0 }
  const { total, completed, failed, rate, etaSeconds } = progress
  const phase = status === 'concluding' ? 'Delivering the index' : 'Copying files'
  return { phase, unit: 'file', done: completed + failed, total, rate, secondsLeft: etaSeconds ?? 0 }
}
