import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import Type from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { answerForm, formRoute, type Shown } from '../platform/forms.ts'
import { requireTypedName } from '../platform/typed-name.ts'
import { form } from '../platform/validation.ts'
import type { Batch } from './batch.ts'
import { cancelBatch } from './cancel-batch.ts'
import { concernedBatch } from './concerned-batch.ts'
import { describeBatch } from './describe-batch.ts'
import { presentBatch } from './present-batch.ts'
import { BatchParams } from './schemas.ts'

const CancelForm = Type.Object(
  { confirmation: Type.Optional(Type.String({ maxLength: 200 })) },
  { additionalProperties: false, ...form },
)

/** Giving a batch up, which can't be taken back: the page that says what that means, and asks for its key. */
const cancelPage: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/batches/:id/cancellation',
    { config: { permission: 'batches:control' }, schema: { hide: true, params: BatchParams } },
    async (request, reply) => show(app, reply, await concernedBatch(app, request)),
  )

  app.post(
    '/batches/:id/cancellation',
    {
      ...formRoute,
      config: { permission: 'batches:control' },
      schema: { hide: true, params: BatchParams, body: CancelForm },
    },
    async (request, reply) => {
      const batch = await concernedBatch(app, request)
      return answerForm(
        request,
        async () => {
          requireTypedName(request.body.confirmation, batch.key)
          const { status } = await cancelBatch(app, batch.id, causeOf(request))
          const isGivenUp = status === 'cancelled' || status === 'cancelling'
          return reply.leadTo(
            `/batches/${batch.id}`,
            isGivenUp ? 'Cancelled.' : 'It was over already: there was nothing to cancel.',
          )
        },
        (shown) => show(app, reply, batch, shown),
      )
    },
  )
}

export default cancelPage

async function show(app: FastifyInstance, reply: FastifyReply, batch: Batch, shown: Shown = {}) {
  const described = describeBatch(app, batch)
  return reply.page('batches/cancel', {
    ...{ title: `Cancel ${described.name}`, batch: await presentBatch(app, batch), ...described },
    ...shown,
  })
}
