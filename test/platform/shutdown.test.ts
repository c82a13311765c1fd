import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { testApp } from '../support/app.ts'

/** A service with a slow request and a slow job, both of which end when the test says so. */
async function service(t: Test) {
  const gate = Promise.withResolvers<void>()
  const entered = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const
  const jobStarted = Promise.withResolvers<void>()
  const jobEnds = Promise.withResolvers<void>()
  const done: string[] = []
  const app = await testApp(t, {
    routes: async (app: FastifyInstance) => {
      const config = { permission: 'public' as const }
      app.get('/api/slow', { config }, async () => {
        entered[0].resolve()
        await gate.promise
        return { slow: true }
      })
      app.get('/api/wait', { config }, async () => {
        entered[1].resolve()
        return { found: await app.signals.waitFor('x', async () => null, 60_000) }
      })
      app.queue.define('job', async () => {
        jobStarted.resolve()
        await jobEnds.promise
        done.push('job')
      })
    },
  })
  await app.orm.em.fork().transactional((em) => app.queue.enqueue(em, 'job', {}, 'one'))
  await jobStarted.promise
  await app.listen({ port: 0 })
  return {
    app,
    port: (app.server.address() as AddressInfo).port,
    entered: Promise.all(entered.map(({ promise }) => promise)),
    gate,
    jobEnds,
    done,
  }
}

/** A client that keeps its one connection. */
function client(t: Test, port: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  return async (path: string) => {
    const answer = Promise.withResolvers<{ status: number | undefined; headers: object; body: unknown }>()
    request({ agent, port, path }, (response) => {
      const { statusCode: status, headers } = response
      json(response).then((body) => answer.resolve({ status, headers, body }), answer.reject)
    })
      .on('error', answer.reject)
      .end()
    return answer.promise
  }
}

t.test('closing finishes what is under way, and takes nothing new', async (t) => {
  const { app, port, entered, gate, jobEnds, done } = await service(t)
  const [one, two, three] = [client(t, port), client(t, port), client(t, port)]
  await three('/healthz')
  const silent = connect(port, '127.0.0.1')
  await once(silent, 'connect')
  const slow = one('/api/slow')
  const waiting = two('/api/wait')
  await entered
  const start = performance.now()
  const closed = app.close()
  t.match(await waiting, { status: 200, body: { found: null } }, 'waiting ends at once')
  t.match(await three('/readyz'), {
    status: 503,
    headers: { connection: 'close' },
    body: { checks: { shutdown: String } },
  })
  t.match(await client(t, port)('/api/wait'), {
    status: 503,
    headers: { 'retry-after': '1', connection: 'close' },
    body: { code: 'SHUTTING_DOWN' },
  })
  gate.resolve()
  t.match(await slow, { status: 200, body: { slow: true } })
  t.same(done, [])
  jobEnds.resolve()
  await closed
  t.same(done, ['job'])
  t.ok(performance.now() - start < 8000, `${performance.now() - start} ms`)
  await t.rejects(client(t, port)('/healthz'), { code: 'ECONNREFUSED' })
})
