import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import plugin from 'fastify-plugin'
import Type from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { streamEvents } from '../platform/events.ts'
import { createBatches } from './batches.ts'
import { cancelBatch } from './cancel-batch.ts'
import { concernedBatch } from './concerned-batch.ts'
import { batchProblems } from './errors.ts'
import { findBatch, topicOf } from './find-batches.ts'
import { createCommits } from './group-commit.ts'
import itemRoutes from './item-routes.ts'
import { listBatches } from './list-batches.ts'
import pages from './pages.ts'
import { pauseBatch } from './pause-batch.ts'
import { presentBatch, presentBatches } from './present-batch.ts'
import { keepReconciled } from './reconcile-batches.ts'
import { largestBody, requestBatch } from './request-batch.ts'
import { resumeBatch } from './resume-batch.ts'
import { retriedOf } from './retried.ts'
import { runBatch } from './run-batch.ts'
import { runJob } from './run-job.ts'
import {
  BatchList,
  BatchParams,
  BatchQuery,
  CreateBatchBody,
  PauseBody,
  ResumptionBody,
  shared,
} from './schemas.ts'
import { provideTidying } from './tidy-batches.ts'
import workerRoutes from './worker-routes.ts'

const routes: FastifyPluginAsyncTypebox = async (app) => {
  app.addProblems(batchProblems)
  for (const schema of shared) app.addSchema(schema)
  app.decorate('batches', createBatches(createCommits(app)))
  app.queue.define<{ id: string }>(runJob, ({ id }, run) => runBatch(app, id, run), { concurrency: 4 })
  keepReconciled(app)
  provideTidying(app)
  await app.register(itemRoutes)
  await app.register(workerRoutes)
  await app.register(pages)

  app.post(
    '/api/batches',
    {
      config: { permission: 'batches:create' },
      bodyLimit: largestBody,
      schema: {
        operationId: 'createBatch',
        tags: ['batches'],
        description:
          '201 with a new batch, 200 with the one that has the key already. Without a handler it is for workers of yours.',
        body: CreateBatchBody,
        response: { 200: Type.Ref('Batch'), 201: Type.Ref('Batch') },
      },
    },
    async (request, reply) => {
      const { batch, isNew } = await requestBatch(app, request.body, request)
      reply.header('location', `/api/batches/${batch.id}`)
      return reply.code(isNew ? 201 : 200).send(await presentBatch(app, batch))
    },
  )

  app.get(
    '/api/batches',
    {
      config: { permission: 'batches:list' },
      schema: {
        operationId: 'listBatches',
        tags: ['batches'],
        querystring: BatchQuery,
        response: { 200: BatchList },
      },
    },
    async ({ query: { cursor, limit, ...filter } }) => {
      const { items, nextCursor } = await listBatches(app.orm.em, filter, { cursor, limit })
      return { items: await presentBatches(app, items), nextCursor }
    },
  )

  app.get(
    '/api/batches/:id',
    {
      config: { permission: 'batches:view' },
      schema: {
        operationId: 'getBatch',
        tags: ['batches'],
        params: BatchParams,
        response: { 200: Type.Ref('Batch') },
      },
    },
    async (request) => presentBatch(app, await concernedBatch(app, request)),
  )

  app.get(
    '/api/batches/:id/events',
    {
      config: { permission: 'batches:view' },
      schema: {
        operationId: 'followBatch',
        tags: ['batches'],
        description: 'Server-Sent Events: `progress` with the batch after every change, then `done`.',
        params: BatchParams,
        response: { 200: { content: { 'text/event-stream': { schema: Type.String() } } } },
      },
    },
    async (request, reply) => {
      const { id } = await concernedBatch(app, request)
      const look = async () => {
        const batch = await findBatch(app.orm.em, id)
        return { state: await presentBatch(app, batch), done: batch.isOver() }
      }
      return streamEvents(request, reply, { topic: topicOf(id), look, heartbeatMs: 5000 })
    },
  )

  app.post(
    '/api/batches/:id/pause',
    {
      config: { permission: 'batches:control' },
      preValidation: emptyUnlessGiven,
      schema: {
        operationId: 'pauseBatch',
        tags: ['batches'],
        description:
          'No more items are handed out until it is resumed; what is under way may still be reported.',
        params: BatchParams,
        body: PauseBody,
        response: { 200: Type.Ref('Batch') },
      },
    },
    async (request) => {
      const { id } = await concernedBatch(app, request)
      return presentBatch(app, await pauseBatch(app, id, causeOf(request), request.body.reason ?? null))
    },
  )

  app.post(
    '/api/batches/:id/resumption',
    {
      config: { permission: 'batches:control' },
      preValidation: emptyUnlessGiven,
      schema: {
        operationId: 'resumeBatch',
        tags: ['batches'],
        description: 'Goes on with a paused batch, and has failed items done again where that is asked for.',
        params: BatchParams,
        body: ResumptionBody,
        response: { 200: Type.Ref('Batch') },
      },
    },
    async (request) => {
      const { id } = await concernedBatch(app, request)
      const retried = retriedOf(request.body.retryFailed)
      return presentBatch(app, await resumeBatch(app, id, causeOf(request), retried))
    },
  )

  app.post(
    '/api/batches/:id/cancellation',
    {
      config: { permission: 'batches:control' },
      schema: {
        operationId: 'cancelBatch',
        tags: ['batches'],
        description: 'Gives the batch up; what is done stays done. Safe to repeat.',
        params: BatchParams,
        response: { 200: Type.Ref('Batch') },
      },
    },
    async (request) => {
      const { id } = await concernedBatch(app, request)
      return presentBatch(app, await cancelBatch(app, id, causeOf(request)))
    },
  )
}

/** For bodies of which every field may be left out. */
async function emptyUnlessGiven(request: FastifyRequest): Promise<void> {
  request.body ??= {}
}

export default plugin(routes, { name: 'batches', dependencies: ['schedules', 'notifications'] })
