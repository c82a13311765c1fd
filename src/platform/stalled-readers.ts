import { Socket } from 'node:net'
import { Stream } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import plugin from 'fastify-plugin'

/** More open connections than this are turned away, so that those that are here can be served. */
const mostConnections = 5000

/**
 * Lets go of who asked for a stream and then takes nothing of it: it would hold a file or a query open for ever.
 * @param patienceMs longer than two heart beats of an event stream, and than a store takes to come back to life
 */
export default plugin<{ patienceMs: number }>(
  async (app: FastifyInstance, { patienceMs }) => {
    app.server.maxConnections = mostConnections
    app.addHook('onSend', async (request, reply, payload) => {
      const { raw } = reply
      const streams = payload instanceof Stream.Readable && request.method !== 'HEAD'
      if (streams && raw.socket instanceof Socket) raw.setTimeout(patienceMs, () => raw.destroy())
    })
  },
  { name: 'stalled-readers' },
)
