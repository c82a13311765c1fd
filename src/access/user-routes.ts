import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { Cursor, Limit } from '../platform/cursors.ts'
import { changeUser } from './change-user.ts'
import { createUser } from './create-user.ts'
import { endUserSessions } from './end-sessions.ts'
import { findUser } from './find-access.ts'
import { listUsers } from './list-access.ts'
import { IdParams, NewUserBody, presentUser, UserChangesBody, UserList } from './schemas.ts'

const routes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/api/users',
    {
      config: { permission: 'users:list' },
      schema: {
        operationId: 'listUsers',
        tags: ['access'],
        querystring: Type.Object(
          { cursor: Type.Optional(Cursor), limit: Limit },
          { additionalProperties: false },
        ),
        response: { 200: UserList },
      },
    },
    async ({ query }) => {
      const { items, nextCursor } = await listUsers(app.orm.em, {}, query)
      return { items: items.map(presentUser), nextCursor }
    },
  )

  app.post(
    '/api/users',
    {
      config: { permission: 'users:create' },
      schema: {
        operationId: 'createUser',
        tags: ['access'],
        body: NewUserBody,
        response: { 201: Type.Ref('User') },
      },
    },
    async (request, reply) => {
      const user = await createUser(app, request.body, causeOf(request))
      return reply.code(201).send(presentUser(user))
    },
  )

  app.get(
    '/api/users/:id',
    {
      config: { permission: 'users:list' },
      schema: {
        operationId: 'getUser',
        tags: ['access'],
        params: IdParams,
        response: { 200: Type.Ref('User') },
      },
    },
    async ({ params: { id } }) => presentUser(await findUser(app.orm.em, id)),
  )

  app.delete(
    '/api/users/:id/sessions',
    {
      config: { permission: 'users:update' },
      schema: {
        operationId: 'endUserSessions',
        tags: ['access'],
        description: 'Signs a user out of every browser, at once.',
        params: IdParams,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      await endUserSessions(app, request.params.id, causeOf(request))
      return reply.code(204).send(null)
    },
  )

  app.patch(
    '/api/users/:id',
    {
      config: { permission: 'users:update' },
      schema: {
        operationId: 'changeUser',
        tags: ['access'],
        description:
          "A new role, a new password and disabling end the user's sessions at once. Disabling also revokes the API tokens they made, a lower role those that may do more.",
        params: IdParams,
        body: UserChangesBody,
        response: { 200: Type.Ref('User') },
      },
    },
    async (request) => presentUser(await changeUser(app, request.params.id, request.body, causeOf(request))),
  )
}

export default routes
