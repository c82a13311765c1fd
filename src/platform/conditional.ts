import { createHash } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import plugin from 'fastify-plugin'
import { isForApi } from './addresses.ts'
import { defineProblems } from './errors.ts'

const conditionalProblems = defineProblems({
  PRECONDITION_FAILED: {
    status: 412,
    title: 'The resource is not as you last saw it',
    hint: 'Someone changed it in between. Get it again, look at what is there now, and repeat with its new ETag.',
  },
  PRECONDITION_UNSUPPORTED: {
    status: 400,
    title: 'This call takes no If-Match',
    hint: 'Leave If-Match out. It would promise a protection that this call does not give.',
  },
})

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route honours `If-Match` by calling `expectMatch`. */
    ifMatch?: boolean
    /** The answer goes out as it is made, so that it has no ETag. */
    streamed?: boolean
  }
}

/**
 * For a route with `config: { ifMatch: true }`, inside its transaction and with the row locked: refuses when the caller
 * has seen another version than the present one.
 * @param present the resource as `GET` answers it now; the route's 200 schema must be the one of that `GET`
 * @throws PRECONDITION_FAILED
 */
export function expectMatch(request: FastifyRequest, reply: FastifyReply, present: object): void {
  const header = request.headers['if-match']
  if (header === undefined) return
  if (!matches(header, etagOf(String(reply.serialize(present)))))
    throw conditionalProblems.PRECONDITION_FAILED('If-Match names another version than the present one.')
}

/** ETags on what the API answers to `GET`, and 304 to those who have it (RFC 9110, section 13). */
export default plugin(
  async (app: FastifyInstance) => {
    app.addProblems(conditionalProblems)
    app.addHook('onRequest', async (request) => {
      const unsafe = request.method !== 'GET' && request.method !== 'HEAD'
      if (unsafe && request.headers['if-match'] !== undefined && !request.routeOptions.config.ifMatch)
        throw conditionalProblems.PRECONDITION_UNSUPPORTED('This call does not compare versions.')
    })
    app.addHook('onSend', async (request, reply, payload) => {
      if (typeof payload !== 'string' || !isResource(request, reply)) return payload
      const etag = etagOf(payload)
      reply.header('etag', etag)
      const known = request.headers['if-none-match']
      if (known === undefined || !matches(known.replaceAll('W/', ''), etag)) return payload
      reply.code(304).removeHeader('content-type')
      return null
    })
  },
  { name: 'conditional', dependencies: ['problem-answers'] },
)

function isResource(request: FastifyRequest, reply: FastifyReply): boolean {
  const { method } = request
  return (method === 'GET' || method === 'HEAD') && isForApi(request) && reply.statusCode === 200
}

/** Strong: equal tags mean equal bytes. */
function etagOf(payload: string): string {
  return `"${createHash('sha256').update(payload).digest('base64url').slice(0, 27)}"`
}

function matches(header: string, etag: string): boolean {
  return header.trim() === '*' || header.split(',').some((tag) => tag.trim() === etag)
}
