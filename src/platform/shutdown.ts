import type { FastifyInstance } from 'fastify'
import plugin from 'fastify-plugin'
import { createBell } from './bell.ts'
import { defineProblems } from './errors.ts'
import { whenOver } from './when-over.ts'

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
    /**
     * The last thing before the server closes: waits for the requests under way, at most a minute, and closes every
     * connection. Node would wait for those over which nothing was ever asked, such as browsers open in advance.
     */
    letGo(): Promise<void>
  }
}

const longestMs = 60_000

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
    const finished = createBell()
    let underWay = 0
    app.addHook('onRequest', async (_request, reply) => {
      underWay += 1
      whenOver(reply, () => {
        underWay -= 1
        if (underWay === 0) finished.ring()
      })
    })
    app.decorate('letGo', async () => {
      finished.reset()
      if (underWay > 0) await finished.rung(longestMs)
      app.server.closeAllConnections()
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
