import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import plugin from 'fastify-plugin'
import { isForApi } from '../platform/addresses.ts'
import { authentication } from './authenticate.ts'
import { accessProblems } from './errors.ts'
import { may, rolesWith } from './permissions.ts'
import { requireSameOrigin } from './same-origin.ts'
import { signInPath } from './safe-next.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The session that the request came in, when a person is signed in. */
    sessionId: string | null
  }
}

/**
 * Lets nobody in who isn't allowed, on any route: asks who it is, and whether they have the route's permission. After
 * what reads cookies and answers with security headers, and before every feature.
 */
export default plugin(
  async (app: FastifyInstance) => {
    app.decorateRequest('sessionId', null)
    const authenticate = authentication(app)
    app.addHook('onRequest', async (request, reply) => guard(request, reply, authenticate))
    app.addHook('onSend', async (_request, reply) => {
      if (reply.statusCode === 401) reply.header('www-authenticate', 'Bearer realm="Holdfast"')
    })
  },
  { name: 'guard', dependencies: ['@fastify/cookie', 'declared-permissions', 'strangers'] },
)

async function guard(
  request: FastifyRequest,
  reply: FastifyReply,
  authenticate: ReturnType<typeof authentication>,
) {
  requireSameOrigin(request)
  const { permission = 'public' } = request.routeOptions.config // Without one it is the page that says 404.
  if (permission === 'public') return isPage(request) && !isAsset(request) ? authenticate(request) : undefined
  await authenticate(request)
  if (request.actor.type === 'anonymous') return askToSignIn(request, reply)
  if (permission !== 'signed-in') requirePermission(request, permission)
}

/** A page's styles and pictures say nothing that depends on who asks. */
function isAsset({ routeOptions }: FastifyRequest): boolean {
  return routeOptions.url?.endsWith('*') ?? false
}

/**
 * A page asked for leads to the one for signing in, and back. A form is answered: it was not sent, and what was typed is
 * still where it was typed (public/app.js leaves it there; without JavaScript the browser's Back brings it back).
 */
function askToSignIn(request: FastifyRequest, reply: FastifyReply) {
  if (isPage(request) && request.method !== 'POST' && request.headers.authorization === undefined) {
    const path = signInPath(request)
    return request.headers['hx-request'] === undefined
      ? reply.redirect(path, 303)
      : reply.code(401).header('hx-redirect', path).send()
  }
  throw request.showedCredentials
    ? accessProblems.CREDENTIALS_INVALID(
        'The API token or the session is unknown, has expired or was revoked.',
      )
    : accessProblems.SIGN_IN_REQUIRED('The request shows neither an API token nor a session.')
}

function isPage(request: FastifyRequest): boolean {
  return !isForApi(request) && (request.headers.accept?.includes('text/html') ?? false)
}

/**
 * Refuses whoever lacks a permission. The hook asks this for each route's own; a verb asks for what depends on the body.
 * @throws FORBIDDEN saying what is missing
 */
export function requirePermission({ actor }: Pick<FastifyRequest, 'actor'>, permission: string): void {
  if (may(actor, permission)) return
  const allowed = rolesWith(permission)
  throw accessProblems.FORBIDDEN(
    `Your role, ${actor.role}, does not have the permission ${permission}. It takes ${allowed.join(' or ')}.`,
    { extensions: { permission, roles: allowed } },
  )
}
