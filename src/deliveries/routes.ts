import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import plugin from 'fastify-plugin'
import Type from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { topicOf } from '../batches/find-batches.ts'
import { streamEvents } from '../platform/events.ts'
import { preferredWait } from '../platform/prefer.ts'
import { createSealer } from '../platform/sealing.ts'
import { cancelDelivery } from './cancel-delivery.ts'
import { concernedDelivery } from './concerned-delivery.ts'
import { concludeDelivery } from './conclude-delivery.ts'
import { concludeJob } from './conclude-job.ts'
import { deliverFiles, deliverHandler } from './deliver-file.ts'
import { deliveryProblems } from './errors.ts'
import { findDelivery, pathOfOrigin } from './find-deliveries.ts'
import { listDeliveries } from './list-deliveries.ts'
import { createDestinations } from './open-destination.ts'
import pages from './pages.ts'
import { prepareDelivery, prepareJob } from './prepare-delivery.ts'
import { isOver, presentDeliveries, presentDelivery } from './present-delivery.ts'
import { csvIndex, jsonIndex } from './read-index.ts'
import { keepReconciled } from './reconcile-deliveries.ts'
import { renewToken } from './renew-token.ts'
import { requestDelivery } from './request-delivery.ts'
import {
  DeliveryList,
  DeliveryParams,
  DeliveryQuery,
  IndexQuery,
  RequestDeliveryBody,
  shared,
  TokenBody,
} from './schemas.ts'
import { waitAsPreferred } from './wait-for-delivery.ts'

const routes: FastifyPluginAsyncTypebox = async (app) => {
  const sealer = createSealer(app.config)
  const destinations = createDestinations(app, sealer)
  app.addProblems(deliveryProblems)
  for (const schema of shared) app.addSchema(schema)
  app.batches.define(deliverHandler, deliverFiles(app, destinations))
  app.queue.define<{ id: string }>(prepareJob, ({ id }, run) => prepareDelivery(app, id, run))
  app.queue.define<{ id: string }>(concludeJob, ({ id }, run) => concludeDelivery(app, destinations, id, run))
  keepReconciled(app)
  app.cleanupOrigins.set('delivery', (cleanup) => pathOfOrigin(app.orm.em, cleanup))
  await app.register(pages, { sealer })

  app.post(
    '/api/deliveries',
    {
      config: { permission: 'deliveries:create' },
      schema: {
        operationId: 'requestDelivery',
        tags: ['deliveries'],
        description:
          "Copies a scope's files to a destination. 202 as soon as they are listed; 201 when all is over within `Prefer: wait=N`.",
        body: RequestDeliveryBody,
        response: { 201: Type.Ref('Delivery'), 202: Type.Ref('Delivery') },
      },
    },
    async (request, reply) => {
      const delivery = await requestDelivery(app, sealer, request.body, causeOf(request))
      reply.header('location', `/api/deliveries/${delivery.id}`)
      const seconds = request.headers.prefer === undefined ? null : preferredWait(request)
      const latest = await waitAsPreferred(app, delivery, seconds)
      return reply.code(isOver(latest) ? 201 : 202).send(latest)
    },
  )

  app.get(
    '/api/deliveries',
    {
      config: { permission: 'deliveries:list' },
      schema: {
        operationId: 'listDeliveries',
        tags: ['deliveries'],
        querystring: DeliveryQuery,
        response: { 200: DeliveryList },
      },
    },
    async ({ query: { cursor, limit, ...filter } }) => {
      const { items, nextCursor } = await listDeliveries(app.orm.em, filter, { cursor, limit })
      return { items: await presentDeliveries(app, items), nextCursor }
    },
  )

  app.get(
    '/api/deliveries/:id',
    {
      config: { permission: 'deliveries:view' },
      schema: {
        operationId: 'getDelivery',
        tags: ['deliveries'],
        params: DeliveryParams,
        response: { 200: Type.Ref('Delivery') },
      },
    },
    async (request) => presentDelivery(app, await concernedDelivery(app, request, request.params.id)),
  )

  app.get(
    '/api/deliveries/:id/index',
    {
      config: { permission: 'deliveries:view', streamed: true },
      schema: {
        operationId: 'getDeliveryIndex',
        tags: ['deliveries'],
        description: 'What was delivered where, with hashes, by path; so far while it is under way.',
        params: DeliveryParams,
        querystring: IndexQuery,
        response: {
          200: {
            content: {
              'application/json': { schema: Type.Unsafe<Readable>(Type.Object({})) },
              'text/csv': { schema: Type.Unsafe<Readable>(Type.String()) },
            },
          },
        },
      },
    },
    async (request, reply) => {
      const delivery = await concernedDelivery(app, request, request.params.id)
      const isCsv = request.query.format === 'csv'
      const index = isCsv ? csvIndex(app.orm.em, delivery) : jsonIndex(app.orm.em, delivery)
      return reply
        .type(isCsv ? 'text/csv; charset=utf-8' : 'application/json; charset=utf-8')
        .header(
          'content-disposition',
          `attachment; filename="delivery-${delivery.id}.${isCsv ? 'csv' : 'json'}"`,
        )
        .header('cache-control', 'no-store')
        .send(Readable.from(index, { objectMode: false }))
    },
  )

  app.get(
    '/api/deliveries/:id/events',
    {
      config: { permission: 'deliveries:view' },
      schema: {
        operationId: 'followDelivery',
        tags: ['deliveries'],
        description: 'Server-Sent Events: `progress` with the delivery after every change, then `done`.',
        params: DeliveryParams,
        response: { 200: { content: { 'text/event-stream': { schema: Type.String() } } } },
      },
    },
    async (request, reply) => {
      const { id, batchId } = await concernedDelivery(app, request, request.params.id)
      const look = async () => {
        const state = await presentDelivery(app, await findDelivery(app.orm.em, id))
        return { state, done: isOver(state) }
      }
      return streamEvents(request, reply, { topic: topicOf(batchId), look, heartbeatMs: 5000 })
    },
  )

  app.post(
    '/api/deliveries/:id/cancellation',
    {
      config: { permission: 'deliveries:create' },
      schema: {
        operationId: 'cancelDelivery',
        tags: ['deliveries'],
        description: 'Gives the delivery up; what was delivered stays there. Safe to repeat.',
        params: DeliveryParams,
        response: { 200: Type.Ref('Delivery') },
      },
    },
    async (request) => {
      const { id } = await concernedDelivery(app, request, request.params.id)
      return presentDelivery(app, await cancelDelivery(app, id, causeOf(request)))
    },
  )

  app.post(
    '/api/deliveries/:id/token',
    {
      config: { permission: 'deliveries:create' },
      schema: {
        operationId: 'renewDeliveryToken',
        tags: ['deliveries'],
        description: 'Gives the delivery another access token, and goes on where it was paused.',
        params: DeliveryParams,
        body: TokenBody,
        response: { 200: Type.Ref('Delivery') },
      },
    },
    async (request) => {
      const { id } = await concernedDelivery(app, request, request.params.id)
      const { accessToken } = request.body
      return presentDelivery(app, await renewToken(app, sealer, { id, accessToken }, causeOf(request)))
    },
  )
}

export default plugin(routes, { name: 'deliveries', dependencies: ['batches', 'cleanups'] })
