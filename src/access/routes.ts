import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import plugin from 'fastify-plugin'
import Type from 'typebox'
import { roles } from '../audit/actor.ts'
import { trailOf } from '../audit/trail.ts'
import { bootstrapToken } from './bootstrap-token.ts'
import { changePassword } from './change-password.ts'
import { endSession, signOut } from './end-sessions.ts'
import { accessProblems } from './errors.ts'
import { sessionsOf } from './find-access.ts'
import pages from './pages.ts'
import { may, permissionsOf } from './permissions.ts'
import { publishedPermissions } from './published-permissions.ts'
import {
  IdParams,
  Me,
  NewTokenResource,
  PasswordBody,
  PermissionMatrix,
  presentSession,
  SessionList,
  SessionResource,
  SignInBody,
  TokenResource,
  UserResource,
} from './schemas.ts'
import { signInPath } from './safe-next.ts'
import { clearSessionCookie, setSessionCookie } from './session-cookie.ts'
import { makeSetupLink } from './setup.ts'
import { signIn } from './sign-in.ts'
import tokenRoutes from './token-routes.ts'
import userRoutes from './user-routes.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The first admin's setup link, null once there is a user; see setup.ts. */
    setupUrl(origin: string): Promise<string | null>
  }
}

const routes: FastifyPluginAsyncTypebox = async (app) => {
  app.addProblems(accessProblems)
  for (const schema of [UserResource, SessionResource, TokenResource, NewTokenResource, Me, PermissionMatrix])
    app.addSchema(schema)
  app.decorate('setupUrl', (origin) => makeSetupLink(app, origin))
  app.addToPages('user', ({ actor }) => (actor.type === 'user' ? actor : null))
  app.addToPages('signInPath', signInPath)
  app.addToPages(
    'can',
    ({ actor }) =>
      (permission: string) =>
        may(actor, permission),
  )
  app.addToPages('auditTrail', ({ actor }, { entity }) =>
    entity !== undefined && may(actor, 'audit:list') ? trailOf(app.orm.em, entity) : null,
  )
  app.addHook('onReady', () => bootstrapToken(app))
  await app.register(userRoutes)
  await app.register(tokenRoutes)
  await app.register(pages)

  app.post(
    '/api/session',
    {
      config: { permission: 'public' },
      schema: {
        operationId: 'signIn',
        tags: ['access'],
        security: [],
        description: 'Starts a session and sets its cookie. Scripts use an API token instead.',
        body: SignInBody,
        response: { 201: Type.Ref('Session') },
      },
    },
    async (request, reply) => {
      const { session, secret } = await signIn(request, request.body)
      setSessionCookie(request, reply, secret)
      return reply.code(201).send(presentSession(session, session.id))
    },
  )

  app.delete(
    '/api/session',
    {
      config: { permission: 'signed-in' },
      schema: { operationId: 'signOut', tags: ['access'], response: { 204: Type.Null() } },
    },
    async (request, reply) => {
      await signOut(request)
      clearSessionCookie(request, reply)
      return reply.code(204).send(null)
    },
  )

  app.get(
    '/api/me',
    {
      config: { permission: 'signed-in' },
      schema: { operationId: 'getMe', tags: ['access'], response: { 200: Type.Ref('Me') } },
    },
    async ({ actor }) => {
      const { type, id, name, role } = actor
      return { type, id, name, role, email: actor.email ?? null, permissions: permissionsOf(actor) }
    },
  )

  app.put(
    '/api/me/password',
    {
      config: { permission: 'signed-in' },
      schema: {
        operationId: 'changeMyPassword',
        tags: ['access'],
        description: 'Ends all your sessions and starts a new one here.',
        body: PasswordBody,
        response: { 200: Type.Ref('Session') },
      },
    },
    async (request, reply) => {
      const { session, secret } = await changePassword(request, request.body)
      setSessionCookie(request, reply, secret)
      return presentSession(session, session.id)
    },
  )

  app.get(
    '/api/me/sessions',
    {
      config: { permission: 'signed-in' },
      schema: { operationId: 'listMySessions', tags: ['access'], response: { 200: SessionList } },
    },
    async ({ actor, sessionId }) => {
      const own = actor.type === 'user' && actor.id !== null
      const sessions = own ? await sessionsOf(app.orm.em, actor.id!, app.clock.now()) : []
      return { items: sessions.map((session) => presentSession(session, sessionId)), nextCursor: null }
    },
  )

  app.delete(
    '/api/me/sessions/:id',
    {
      config: { permission: 'signed-in' },
      schema: {
        operationId: 'endMySession',
        tags: ['access'],
        params: IdParams,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      await endSession(request, request.params.id)
      return reply.code(204).send(null)
    },
  )

  app.get(
    '/api/permissions',
    {
      config: { permission: 'permissions:view' },
      schema: {
        operationId: 'getPermissions',
        tags: ['access'],
        description: 'The whole matrix: resource x action x role, as it is enforced.',
        response: { 200: Type.Ref('PermissionMatrix') },
      },
    },
    async () => ({
      roles,
      permissions: publishedPermissions(),
    }),
  )
}

export default plugin(routes, {
  name: 'access',
  dependencies: ['guard', 'audit', 'problem-answers', 'views'],
})
