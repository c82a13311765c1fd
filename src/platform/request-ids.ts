import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'
import plugin from 'fastify-plugin'
import { newId } from './entity.ts'

/**
 * A request's id: the one that a proxy or the caller gave it, so that logs can be joined, when it is plain enough to be
 * put in a log and a header as it is, else a new one.
 */
export function requestIdOf(request?: Pick<IncomingMessage, 'headers'>): string {
  const given = request?.headers['x-request-id']
  return typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : newId()
}

/** Every answer names its request. */
export default plugin(
  async (app: FastifyInstance) => {
    app.addHook('onRequest', async (request, reply) => void reply.header('x-request-id', request.id))
  },
  { name: 'request-ids' },
)
