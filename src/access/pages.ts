import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { answerForm, formRoute } from '../platform/forms.ts'
import { form } from '../platform/validation.ts'
import accountPages from './account-pages.ts'
import { signOut } from './end-sessions.ts'
import permissionsPage from './permissions-page.ts'
import { safeNext } from './safe-next.ts'
import { SetupBody, SignInBody } from './schemas.ts'
import { clearSessionCookie, setSessionCookie } from './session-cookie.ts'
import { completeSetup, requireSetupLink } from './setup.ts'
import { signIn } from './sign-in.ts'
import type { StartedSession } from './start-session.ts'
import tokenPages from './token-pages.ts'
import userPages from './user-pages.ts'

const strict = { additionalProperties: false } as const
const Next = Type.Optional(Type.String({ maxLength: 2000 }))

/** Signing in and out, and the setup of the first admin; what belongs to users, tokens and permissions besides. */
const pages: FastifyPluginAsyncTypebox = async (app) => {
  await app.register(accountPages)
  await app.register(userPages)
  await app.register(tokenPages)
  await app.register(permissionsPage)

  app.get(
    '/sign-in',
    {
      config: { permission: 'public' },
      schema: { hide: true, querystring: Type.Object({ next: Next }, strict) },
    },
    async ({ query: { next } }, reply) =>
      showSignIn(reply, { next: safeNext(next), typed: null, problem: null }),
  )

  app.post(
    '/sign-in',
    {
      ...formRoute,
      config: { permission: 'public' },
      schema: {
        hide: true,
        body: Type.Object({ ...SignInBody.properties, next: Next }, { ...strict, ...form }),
      },
    },
    async (request, reply) => {
      const { email, next } = request.body
      return answerForm(
        request,
        async () => enter(request, reply, await signIn(request, request.body), safeNext(next)),
        ({ problem }) => showSignIn(reply, { next: safeNext(next), typed: { email }, problem }),
      )
    },
  )

  app.post(
    '/session/end',
    { config: { permission: 'signed-in' }, schema: { hide: true } },
    async (request, reply) => {
      await signOut(request)
      clearSessionCookie(request, reply)
      return reply.leadTo('/sign-in', 'You are signed out.')
    },
  )

  app.get(
    '/setup',
    {
      config: { permission: 'public' },
      schema: { hide: true, querystring: Type.Object({ token: SetupBody.properties.token }, strict) },
    },
    async ({ query: { token } }, reply) => {
      await requireSetupLink(app, token)
      return showSetup(reply, { token, typed: null, problem: null })
    },
  )

  app.post(
    '/setup',
    {
      ...formRoute,
      config: { permission: 'public' },
      schema: { hide: true, body: Type.Object(SetupBody.properties, { ...strict, ...form }) },
    },
    async (request, reply) => {
      const { token, email, name } = request.body
      return answerForm(
        request,
        async () => enter(request, reply, await completeSetup(request, request.body), '/'),
        ({ problem }) => showSetup(reply, { token, typed: { email, name }, problem }),
      )
    },
  )
}

export default pages

function enter(request: FastifyRequest, reply: FastifyReply, { secret }: StartedSession, path: string) {
  setSessionCookie(request, reply, secret)
  return reply.leadTo(path)
}

/** What was typed is shown again, but never a password. */
interface Shown {
  typed: object | null
  problem: object | null
}

function showSignIn(reply: FastifyReply, shown: Shown & { next: string }): Promise<string> {
  const backTo = `/sign-in?next=${encodeURIComponent(shown.next)}`
  return reply.page('access/sign-in', { title: 'Sign in', backTo, ...shown })
}

/** Kept nowhere: the page holds the link's token. */
async function showSetup(reply: FastifyReply, shown: Shown & { token: string }): Promise<string> {
  const backTo = `/setup?token=${encodeURIComponent(shown.token)}`
  const page = await reply.page('access/setup', { title: 'Set up Holdfast', backTo, ...shown })
  reply.header('cache-control', 'no-store')
  return page
}
