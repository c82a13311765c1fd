import type { FastifyInstance } from 'fastify'
import plugin from 'fastify-plugin'
import { defineProblems } from './errors.ts'

const shutdownProblems = defineProblems({
  SHUTTING_DOWN: {
    status: 503,
    title: 'The service is shutting down',
    hint: 'Ask again in a moment: another replica, or this one after its restart, will answer.',
  },
})

declare module 'fastify' {
  interface FastifyInstance {
    /** Aborts when `app.close()` begins: whatever waits or streams ends then, and what is under way finishes. */
    closing: AbortSignal
  }
}

/** While the service closes, `/readyz` says so, requests under way finish, and new ones are turned away. */
export default plugin(
  async (app: FastifyInstance) => {
    const closing = new AbortController()
    app.decorate('closing', closing.signal)
    app.addProblems(shutdownProblems)
    app.addHook('preClose', async () => {
      closing.abort()
      app.signals.release()
    })
    app.addHook('onSend', async (_request, reply) => {
      if (closing.signal.aborted) reply.header('connection', 'close')
    })
    // An event stream said long ago that its connection stays. What is idle after the server closed would stay for as
    // long as its client likes.
    app.addHook('onResponse', async () => {
      if (closing.signal.aborted && !app.server.listening)
        setImmediate(() => app.server.closeIdleConnections())
    })
    app.addReadinessCheck('shutdown', async () => {
      if (closing.signal.aborted) throw shutdownProblems.SHUTTING_DOWN('No new requests are taken.')
    })
    app.addHook('onRequest', async (request) => {
      if (!closing.signal.aborted) return
      if (request.routeOptions.url === '/readyz' || request.routeOptions.url === '/healthz') return
      throw shutdownProblems.SHUTTING_DOWN('No new requests are taken.', { retryAfter: 1 })
    })
  },
  { name: 'shutdown', dependencies: ['problem-answers', 'health'] },
)
