import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type, { type Static } from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { answerForm, formRoute, type Shown } from '../platform/forms.ts'
import { form } from '../platform/validation.ts'
import type { Batch } from './batch.ts'
import { concernedBatch } from './concerned-batch.ts'
import { describeBatch, progressOf } from './describe-batch.ts'
import { listErrors, listItems, type Retried } from './item-queries.ts'
import { itemStates, type ItemFilter } from './item.ts'
import { pauseBatch } from './pause-batch.ts'
import { presentBatch, type PresentedBatch } from './present-batch.ts'
import { presentRow } from './present-item.ts'
import { resumeBatch } from './resume-batch.ts'
import { BatchParams } from './schemas.ts'
import { itemsKeptDays } from './tidy-batches.ts'

const closed = { additionalProperties: false } as const

const PauseForm = Type.Object(
  { reason: Type.Optional(Type.String({ maxLength: 500 })) },
  { ...closed, ...form },
)

const ResumptionForm = Type.Object(
  {
    retry: Type.Optional(Type.Enum(['none', 'all', 'items'])),
    error: Type.Optional(Type.String({ maxLength: 200 })),
    id: Type.Optional(Type.String({ maxLength: 200 })),
    status: Type.Optional(Type.Enum([...itemStates])),
    items: Type.Optional(Type.Union([Type.Array(Type.String()), Type.String()])),
  },
  { ...closed, ...form },
)

/** Items that the page of a batch shows; the others are in a list of their own. */
const shownItems = 5

/** The page of one batch: how far it is, what its items came to, and what can be done. */
const batchPage: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/batches/:id',
    { config: { permission: 'batches:view' }, schema: { hide: true, params: BatchParams } },
    async (request, reply) => show(app, request, reply, await concernedBatch(app, request)),
  )

  app.post(
    '/batches/:id/pause',
    {
      ...formRoute,
      config: { permission: 'batches:control' },
      schema: { hide: true, params: BatchParams, body: PauseForm },
    },
    async (request, reply) => {
      const batch = await concernedBatch(app, request)
      return answerForm(
        request,
        async () => {
          await pauseBatch(app, batch.id, causeOf(request), request.body.reason ?? null)
          return reply.leadTo(`/batches/${batch.id}`, 'Paused.')
        },
        (shown) => show(app, request, reply, batch, shown),
      )
    },
  )

  app.post(
    '/batches/:id/resumption',
    {
      ...formRoute,
      config: { permission: 'batches:control' },
      schema: { hide: true, params: BatchParams, body: ResumptionForm },
    },
    async (request, reply) => {
      const batch = await concernedBatch(app, request)
      return answerForm(
        request,
        async () => {
          await resumeBatch(app, batch.id, causeOf(request), retriedOf(request.body))
          return reply.leadTo(`/batches/${batch.id}`, 'It goes on.')
        },
        (shown) => show(app, request, reply, batch, shown),
      )
    },
  )
}

export default batchPage

/** All that the list's filter matches, or those that were chosen. */
function retriedOf({ retry = 'none', items = [], ...filter }: Static<typeof ResumptionForm>): Retried | null {
  if (retry === 'all') return { matching: filter }
  return retry === 'items' ? { ids: [items].flat() } : null
}

async function show(
  app: FastifyInstance,
  request: FastifyRequest,
  reply: FastifyReply,
  batch: Batch,
  shown: Shown = {},
): Promise<string> {
  const { id } = batch
  const presented = await presentBatch(app, batch)
  const em = app.orm.em.fork()
  const filter = telling(presented)
  const items = await listItems(em, id, filter, { after: null, limit: shownItems })
  const described = describeBatch(app, batch)
  return reply.page('batches/show', {
    ...{ title: described.name, backTo: described.path, batch: presented, ...described },
    entity: { type: 'batch', id },
    busy: !described.isOver,
    refresh: !described.isOver,
    progress: progressOf(presented),
    itemStatus: filter.status ?? null,
    items: items.map(presentRow),
    errors: presented.failed > 0 && batch.itemsRemovedAt === null ? await listErrors(em, id) : [],
    address: `${request.protocol}://${request.host}`,
    itemsKeptDays,
    ...shown,
  })
}

/** Those that say most: what failed, else what is in work, else the first. */
function telling({ failed, status }: PresentedBatch): ItemFilter {
  if (failed > 0) return { status: 'failed' }
  return status === 'running' ? { status: 'leased' } : {}
}
