import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import Type, { type Static } from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { url } from '../platform/components.ts'
import { decodeCursor, encodeCursor } from '../platform/cursors.ts'
import { FilterQuery, pagesOf } from '../platform/filters.ts'
import { answerForm, formRoute, type Shown } from '../platform/forms.ts'
import { form } from '../platform/validation.ts'
import type { Batch } from './batch.ts'
import { cancelBatch } from './cancel-batch.ts'
import { concernedBatch } from './concerned-batch.ts'
import { pauseBatch } from './pause-batch.ts'
import { presentBatch, type PresentedBatch } from './present-batch.ts'
import { presentItem } from './present-item.ts'
import { itemStates, listErrors, listItems, type Retried } from './queries.ts'
import { resumeBatch } from './resume-batch.ts'
import { BatchParams } from './schemas.ts'

const closed = { additionalProperties: false } as const

const Position = Type.Tuple([Type.String({ pattern: '^\\d{1,18}$' })])

const ShowQuery = FilterQuery({ status: Type.Optional(Type.Enum([...itemStates])) })

const NoForm = Type.Union([Type.Object({}, closed), Type.Null()], form)

const PauseForm = Type.Object(
  { reason: Type.Optional(Type.String({ maxLength: 500 })) },
  { ...closed, ...form },
)

const ResumptionForm = Type.Object(
  {
    retry: Type.Optional(Type.Enum(['none', 'all', 'error', 'items'])),
    error: Type.Optional(Type.String({ maxLength: 10_000 })),
    items: Type.Optional(Type.Union([Type.Array(Type.String()), Type.String()])),
  },
  { ...closed, ...form },
)

const pageSize = 50

/** The page of one batch: how far it is, what its items came to, and what can be done. */
const batchPage: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/batches/:id',
    {
      config: { permission: 'batches:view' },
      schema: { hide: true, params: BatchParams, querystring: ShowQuery },
    },
    async (request, reply) => show(app, reply, await concernedBatch(app, request), request.query),
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
        (shown) => show(app, reply, batch, {}, shown),
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
        (shown) => show(app, reply, batch, {}, shown),
      )
    },
  )

  app.post(
    '/batches/:id/cancellation',
    {
      ...formRoute,
      config: { permission: 'batches:control' },
      schema: { hide: true, params: BatchParams, body: NoForm },
    },
    async (request, reply) => {
      const { id } = await concernedBatch(app, request)
      const { status } = await cancelBatch(app, id, causeOf(request))
      const isGivenUp = status === 'cancelled' || status === 'cancelling'
      return reply.leadTo(`/batches/${id}`, isGivenUp ? 'Cancelled.' : 'It was too late to cancel.')
    },
  )
}

export default batchPage

function retriedOf({ retry = 'none', error, items = [] }: Static<typeof ResumptionForm>): Retried | null {
  if (retry === 'all') return { all: true }
  if (retry === 'error' && error !== undefined) return { error }
  return retry === 'items' ? { ids: [items].flat() } : null
}

async function show(
  app: FastifyInstance,
  reply: FastifyReply,
  batch: Batch,
  query: Static<typeof ShowQuery>,
  shown: Shown = {},
): Promise<string> {
  const { id } = batch
  const path = `/batches/${id}`
  const presented = await presentBatch(app, batch)
  const em = app.orm.em.fork()
  const [after] = decodeCursor(query.cursor, Position) ?? ['0']
  const states = query.status === undefined ? itemStates : [query.status]
  const found = await listItems(em, id, states, after, pageSize + 1)
  const last = found.length > pageSize ? found[pageSize - 1] : undefined
  const nextCursor = last === undefined ? null : encodeCursor([last.position])
  return reply.page('batches/show', {
    title: batch.title ?? batch.key,
    backTo: path,
    entity: { type: 'batch', id },
    batch: presented,
    path,
    busy: !batch.isOver(),
    refresh: !batch.isOver(),
    progress: progressOf(presented),
    items: found.slice(0, pageSize).map(presentItem),
    errors: presented.failed > 0 ? await listErrors(em, id) : [],
    filter: query,
    states: itemStates,
    dataset: app.datasets.list().find(({ name }) => name === batch.dataset)?.title ?? batch.dataset,
    pages: pagesOf((more) => url(path, more), query, nextCursor),
    ...shown,
  })
}

const phases: Partial<Record<PresentedBatch['status'], string>> = {
  running: 'Working',
  waiting: 'Waiting for somebody to work on it',
  paused: 'Paused',
  cancelling: 'Coming to its end',
}

function progressOf({ status, total, completed, failed, rate, etaSeconds }: PresentedBatch) {
  const done = completed + failed
  return { phase: phases[status] ?? '', unit: 'item', total, done, rate, secondsLeft: etaSeconds ?? 0 }
}
