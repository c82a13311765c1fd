import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { Cursor, Limit } from '../platform/cursors.ts'
import { createToken } from './create-token.ts'
import { findToken } from './find-access.ts'
import { listTokens } from './list-access.ts'
import { revokeToken } from './revoke-token.ts'
import { IdParams, NewTokenBody, presentToken, TokenList } from './schemas.ts'

const routes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/api/tokens',
    {
      config: { permission: 'tokens:list' },
      schema: {
        operationId: 'listTokens',
        tags: ['access'],
        description: 'An admin sees all tokens, others those that they made.',
        querystring: Type.Object(
          { cursor: Type.Optional(Cursor), limit: Limit },
          { additionalProperties: false },
        ),
        response: { 200: TokenList },
      },
    },
    async ({ query, actor }) => {
      const { items, nextCursor } = await listTokens(app.orm.em, { actor, now: app.clock.now() }, {}, query)
      return { items: items.map(presentToken), nextCursor }
    },
  )

  app.post(
    '/api/tokens',
    {
      config: { permission: 'tokens:create' },
      schema: {
        operationId: 'createToken',
        tags: ['access'],
        description: 'Makes a token with at most your own role. The answer is the only place that shows it.',
        body: NewTokenBody,
        response: { 201: Type.Ref('NewApiToken') },
      },
    },
    async (request, reply) => {
      const { name, role, expiresAt } = request.body
      const given = { name, role, expiresAt: expiresAt ? new Date(expiresAt) : null }
      const { token, secret } = await createToken(app, given, causeOf(request))
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({ ...presentToken(token), token: secret })
    },
  )

  app.get(
    '/api/tokens/:id',
    {
      config: { permission: 'tokens:list' },
      schema: {
        operationId: 'getToken',
        tags: ['access'],
        params: IdParams,
        response: { 200: Type.Ref('ApiToken') },
      },
    },
    async ({ params: { id }, actor }) => presentToken(await findToken(app.orm.em, actor, id)),
  )

  app.delete(
    '/api/tokens/:id',
    {
      config: { permission: 'tokens:delete' },
      schema: {
        operationId: 'revokeToken',
        tags: ['access'],
        description: 'Takes effect at once.',
        params: IdParams,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      await revokeToken(app, request.params.id, causeOf(request))
      return reply.code(204).send(null)
    },
  )
}

export default routes
