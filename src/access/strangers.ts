import type { FastifyInstance } from 'fastify'
import plugin from 'fastify-plugin'
import { anonymousActor } from '../audit/actor.ts'

/**
 * Everybody is a stranger until the guard knows better. Before everything that may refuse a request, because refusals are
 * recorded and drawn with their actor.
 */
export default plugin(
  async (app: FastifyInstance) => {
    app.decorateRequest('actor')
    app.decorateRequest('showedCredentials', false)
    app.addHook('onRequest', async (request) => {
      request.actor = anonymousActor
    })
  },
  { name: 'strangers' },
)
