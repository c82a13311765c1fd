import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { testApp } from '../support/app.ts'
import { bearer } from '../support/people.ts'
import { sql, testDatabase } from '../support/postgres.ts'
import { openWire } from '../support/wire.ts'

const databaseUrl = await testDatabase(t)
let storeFails: (() => Promise<void>) | null = null

async function routes(app: FastifyInstance) {
  app.addReadinessCheck('a store', async () => storeFails?.())
  app.queue.define('idle', async () => {})
  app.addToPages('broken', ({ headers }) => {
    if (headers['x-break'] !== undefined) throw new Error('cannot draw')
  })
}

const app = await testApp(t, { databaseUrl, routes })

const ready = async () => {
  const answer = await app.inject('/readyz')
  return [answer.statusCode, answer.json().status, answer.json().checks]
}

t.test('/readyz names what is well and what is not, and nothing else', async (t) => {
  const [status, word, checks] = await ready()
  t.same([status, word], [200, 'ready'])
  t.match(checks, { database: 'ok', migrations: 'ok', queue: 'ok', shutdown: 'ok', 'a store': 'ok' })
  storeFails = () => Promise.reject(new Error('s3://key:secret@bucket'))
  t.match(await ready(), [503, 'unavailable', { database: 'ok', 'a store': 'failed' }])
  storeFails = null
  await sql(databaseUrl, "DELETE FROM migrations WHERE name = 'idempotency'")
  t.match(await ready(), [503, 'unavailable', { database: 'ok', migrations: 'failed' }])
})

t.test('a check that hangs has failed', async (t) => {
  storeFails = () => new Promise(() => {})
  t.match((await app.inject('/readyz')).json().checks, { 'a store': 'failed', database: 'ok' })
  storeFails = null
})

t.test('/metrics measures requests by route, the queue and the process, for whoever may', async (t) => {
  t.equal((await app.inject('/metrics')).statusCode, 401)
  t.equal((await app.inject({ url: '/metrics', headers: await bearer(app, 'member') })).statusCode, 403)
  const headers = await bearer(app, 'viewer')
  for (const url of ['/api/me', '/api/users/1', '/api/nothing/1', '/api/nothing/2'])
    await app.inject({ url, headers })
  const { body, headers: answered } = await app.inject({ url: '/metrics', headers })
  t.match(answered['content-type'], /^text\/plain; version=0\.0\.4/)
  t.match(body, 'http_request_duration_seconds_count{method="GET",route="/api/me",status="200"} 1')
  t.match(body, 'http_request_duration_seconds_count{method="any",route="none",status="404"}')
  t.notMatch(body, 'nothing', 'no series for what anybody makes up')
  t.match(body, 'holdfast_jobs{queue="idle",state="waiting"} 0')
  t.match(body, /^process_resident_memory_bytes \d{7,}$/m)
  t.match(body, /^nodejs_eventloop_lag_p99_seconds [\d.]+/m)
  t.match(body, /^http_requests_under_way 1$/m)
})

t.test('the type of a problem leads to what it means, as a page and as JSON', async (t) => {
  const { type } = (await app.inject('/api/nothing')).json()
  const page = await app.inject({ url: type, headers: { accept: 'text/html,*/*' } })
  t.match(page.headers['content-type'], /^text\/html/)
  t.match(page.body, /There is nothing here/)
  t.match((await app.inject(type)).json(), {
    type,
    code: 'NOT_FOUND',
    status: 404,
    title: String,
    hint: String,
  })
  const { items } = (await app.inject('/problems')).json()
  t.same(
    items.map(({ code }: { code: string }) => code),
    [...app.problems.keys()].sort(),
  )
  for (const code of [
    'NOT_HTTP',
    'SHUTTING_DOWN',
    'CURSOR_INVALID',
    'IDEMPOTENCY_KEY_REUSED',
    'PRECONDITION_FAILED',
  ])
    t.ok(app.problems.has(code), code)
  const unknown = await app.inject('/problems/NO_SUCH_CODE')
  t.same([unknown.statusCode, unknown.json().code], [404, 'NOT_FOUND'])
})

t.test('a problem whose page cannot be drawn is told as JSON', async (t) => {
  const whole = await app.inject({ url: '/nothing', headers: { accept: 'text/html' } })
  t.match(whole.headers['content-type'], /^text\/html/)
  const broken = await app.inject({ url: '/nothing', headers: { accept: 'text/html', 'x-break': '1' } })
  t.match(broken.headers['content-type'], /^application\/problem\+json/)
  t.same([broken.statusCode, broken.json().code], [404, 'NOT_FOUND'])
})

t.test(
  'without its database the service says so, and does not take it for a mistake of its own',
  async (t) => {
    const wire = await openWire(t, await testDatabase(t))
    const lonely = await testApp(t, { databaseUrl: wire.url })
    const headers = await bearer(lonely, 'viewer')
    wire.cut()
    const answer = await lonely.inject({ url: '/api/me', headers })
    t.same(
      [answer.statusCode, answer.json().code, answer.headers['retry-after']],
      [503, 'DATABASE_UNREACHABLE', '5'],
    )
    t.equal((await lonely.inject('/healthz')).statusCode, 200)
    t.match((await lonely.inject('/readyz')).json().checks, { database: 'failed' })
    wire.mend()
    t.equal((await lonely.inject({ url: '/api/me', headers })).statusCode, 200, 'and goes on once it is back')
  },
)
