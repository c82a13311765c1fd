import { Stream } from 'node:stream'
import type { FastifyInstance, onSendHookHandler } from 'fastify'
import plugin from 'fastify-plugin'

/**
 * HEAD answers what GET would, without its body. Fastify reads a stream to its end for that, which for an artifact means
 * all of it, and fails when there is no body at all, as in a 304; here a stream is closed unread.
 */
export default plugin(
  async (app: FastifyInstance) => {
    app.addHook('onRoute', (route) => {
      if (route.method === 'HEAD') route.onSend = [withoutBody]
    })
  },
  { name: 'head-requests' },
)

const withoutBody: onSendHookHandler<unknown> = (_request, reply, payload, done) => {
  if (payload instanceof Stream.Readable) payload.destroy()
  else if (typeof payload === 'string' || Buffer.isBuffer(payload))
    reply.header('content-length', Buffer.byteLength(payload))
  done(null, null)
}
