import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { answerForm, formRoute, type Shown } from '../platform/forms.ts'
import { form } from '../platform/validation.ts'
import { changePassword } from './change-password.ts'
import { describeBrowser } from './describe-browser.ts'
import { endSession } from './end-sessions.ts'
import { accessProblems } from './errors.ts'
import { findUser, sessionsOf } from './find-access.ts'
import { IdParams, PasswordBody, presentSession, presentUser } from './schemas.ts'
import { clearSessionCookie, setSessionCookie } from './session-cookie.ts'

const closed = { additionalProperties: false } as const
const PasswordForm = Type.Object(PasswordBody.properties, { ...closed, ...form })
const NoForm = Type.Union([Type.Object({}, closed), Type.Null()], form)

/** One's own account: password, and the browsers one is signed in with. */
const accountPages: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/account',
    { config: { permission: 'signed-in' }, schema: { hide: true } },
    async (request, reply) => show(request, reply),
  )

  app.post(
    '/account/password',
    {
      ...formRoute,
      config: { permission: 'signed-in' },
      schema: { hide: true, body: PasswordForm },
    },
    async (request, reply) =>
      answerForm(
        request,
        async () => {
          const { secret } = await changePassword(request, request.body)
          setSessionCookie(request, reply, secret)
          return reply.leadTo('/account', 'Your password is changed. Every other browser is signed out.')
        },
        ({ problem }) => show(request, reply, { problem }),
      ),
  )

  app.post(
    '/account/sessions/:id/end',
    {
      config: { permission: 'signed-in' },
      schema: { hide: true, params: IdParams, body: NoForm },
    },
    async (request, reply) => {
      await endSession(request, request.params.id)
      if (request.params.id !== request.sessionId)
        return reply.leadTo('/account', 'That browser is signed out.')
      clearSessionCookie(request, reply)
      return reply.leadTo('/sign-in', 'You are signed out.')
    },
  )
}

export default accountPages

async function show(request: FastifyRequest, reply: FastifyReply, shown: Shown = {}): Promise<string> {
  const { actor, sessionId, server } = request
  if (actor.type !== 'user' || actor.id === null)
    throw accessProblems.USERS_ONLY('An API token has no account.')
  const user = await findUser(server.orm.em, actor.id)
  const sessions = await sessionsOf(server.orm.em, user.id, server.clock.now())
  return reply.page('access/account', {
    title: 'Your account',
    backTo: '/account',
    account: presentUser(user),
    sessions: sessions.map((session) => ({
      ...presentSession(session, sessionId),
      browser: describeBrowser(session.userAgent),
    })),
    ...shown,
  })
}
