import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import plugin from 'fastify-plugin'
import Type from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { holdProblems } from './errors.ts'
import { findHold } from './find-holds.ts'
import { holdRecord } from './hold-record.ts'
import { liftHold } from './lift-hold.ts'
import { listHolds } from './list-holds.ts'
import pages from './pages.ts'
import { presentHold } from './present-hold.ts'
import { HoldBody, HoldList, HoldParams, HoldQuery, HoldRecordBody } from './schemas.ts'

const routes: FastifyPluginAsyncTypebox = async (app) => {
  app.addProblems(holdProblems)
  app.addSchema(HoldBody)
  await app.register(pages)

  app.post(
    '/api/holds',
    {
      config: { permission: 'holds:create' },
      schema: {
        operationId: 'holdRecord',
        tags: ['holds'],
        description: 'Holds a record: no cleanup removes it and no restore deletes it while the hold lasts.',
        body: HoldRecordBody,
        response: { 201: Type.Ref('Hold') },
      },
    },
    async (request, reply) => {
      const { dataset, key, reason, until } = request.body
      const wanted = { dataset, key, reason, until: until ? new Date(until) : null }
      request.concern = { entityType: 'hold', entityIds: [], dataset }
      const hold = await holdRecord(app, wanted, causeOf(request))
      return reply
        .code(201)
        .header('location', `/api/holds?dataset=${encodeURIComponent(dataset)}`)
        .send(presentHold(hold, app.clock.now()))
    },
  )

  app.get(
    '/api/holds',
    {
      config: { permission: 'holds:list' },
      schema: {
        operationId: 'listHolds',
        tags: ['holds'],
        querystring: HoldQuery,
        response: { 200: HoldList },
      },
    },
    async ({ query: { limit, cursor, ...filter } }) => {
      const { items, nextCursor } = await listHolds(app, filter, { limit, cursor })
      return { items: items.map((hold) => presentHold(hold, app.clock.now())), nextCursor }
    },
  )

  app.delete(
    '/api/holds/:id',
    {
      config: { permission: 'holds:delete' },
      schema: {
        operationId: 'liftHold',
        tags: ['holds'],
        params: HoldParams,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { id, dataset } = await findHold(app.orm.em.fork(), request.params.id)
      request.concern = { entityType: 'hold', entityIds: [id], dataset }
      await liftHold(app, id, causeOf(request))
      return reply.code(204).send(null)
    },
  )
}

export default plugin(routes, { name: 'holds', dependencies: ['datasets', 'audit'] })
