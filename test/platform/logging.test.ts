import { Writable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { defineProblems } from '../../src/platform/errors.ts'
import { testApp } from '../support/app.ts'
import { bearer, browse, password, person } from '../support/people.ts'
import { testDatabase } from '../support/postgres.ts'

const problems = defineProblems({ AWAY: { status: 503, title: 'Away', hint: '' } })
const canary = 'canary-7f3a9c'

async function routes(app: FastifyInstance) {
  const config = { permission: 'public' as const }
  app.get('/api/fine', { config }, async () => ({}))
  app.get('/setups/:token', { config }, async () => ({}))
  app.get('/api/away', { config }, async (request) => {
    request.log.info(
      { accessToken: canary, nested: { password: canary }, headers: request.headers },
      'inner line',
    )
    request.log.warn(`could not reach postgres://app:${canary}@db/prod with Bearer ${canary}`)
    const cause = new Error(`connect postgres://app:${canary}@db/prod`)
    throw problems.AWAY('Away.', { cause })
  })
  app.get('/api/unforeseen', { config }, async () => {
    throw new Error(`s3://key:${canary}@bucket`, { cause: new Error(`password=${canary}&secret=${canary}`) })
  })
  app.get('/api/insert', { config }, async () => {
    await app.orm.em.execute('INSERT INTO users (id, password_hash) VALUES (?, ?)', [null, canary])
  })
}

const lines: Record<string, unknown>[] = []
const stream = new Writable({
  write(chunk: Buffer, _encoding, done) {
    for (const line of chunk.toString().trim().split('\n')) lines.push(JSON.parse(line))
    done()
  },
})
const databaseUrl = await testDatabase(t)
const app = await testApp(t, { databaseUrl, routes, logger: { level: 'trace', stream } })

t.beforeEach(() => void (lines.length = 0))
const logged = () => lines.filter(({ msg }) => msg === 'request')

t.test('a request has one line, with what it takes to find it again', async (t) => {
  const headers = await bearer(app, 'viewer')
  lines.length = 0
  await app.inject({
    url: '/api/me?x=1',
    headers: { ...headers, 'x-request-id': 'abc' },
    remoteAddress: '192.0.2.7',
  })
  t.match(logged(), [
    {
      level: 30,
      reqId: 'abc',
      method: 'GET',
      path: '/api/me',
      status: 400,
      ms: Number,
      address: '192.0.2.7',
      actor: /^token:[\da-f-]{36}$/,
    },
  ])
  t.equal(lines.length, 1)
})

t.test('a failure is on the same line, with its causes; the answer has none of it', async (t) => {
  const { body } = await app.inject('/api/unforeseen')
  t.match(logged(), [
    { level: 50, status: 500, err: { type: 'Error', cause: { type: 'Error' }, stack: /logging\.test/ } },
  ])
  t.notMatch(body, /s3:|stack|cause/)
  lines.length = 0
  await app.inject('/api/away')
  t.match(logged(), [{ level: 50, status: 503, err: { message: /^connect postgres:/ } }])
})

t.test('what machines ask for all the time makes no noise', async (t) => {
  await app.inject('/healthz')
  t.match(lines, [{ level: 20, path: '/healthz' }])
})

t.test('a request that no route sees has a line too', async (t) => {
  await app.inject('/api/%zz')
  t.match(logged(), [{ method: 'GET', code: 'FST_ERR_BAD_URL', reqId: String }])
})

t.test('no secret is logged, wherever it came from', async (t) => {
  await person(app, 'ann', 'admin')
  const cookies = await browse(app, 'ann')
  const bodies = [
    { email: 'ann@example.com', password: canary },
    { email: canary, password: { canary } },
  ]
  for (const payload of bodies) await app.inject({ method: 'POST', url: '/api/session', payload })
  await app.inject({
    method: 'POST',
    url: '/api/session',
    headers: { 'content-type': 'application/json' },
    payload: `{"password": "${canary}" x`,
  })
  const made = await app.inject({
    method: 'POST',
    url: '/api/tokens',
    headers: { ...cookies, 'idempotency-key': canary },
    payload: { name: 'script', role: 'viewer' },
  })
  t.equal(made.statusCode, 201)
  await app.inject({
    url: '/api/me',
    headers: { authorization: `Bearer ${canary}`, cookie: `holdfast_session=${canary}` },
  })
  for (const path of [
    `/api/fine?token=${canary}`,
    `/setups/${canary}`,
    '/api/away',
    '/api/unforeseen',
    '/api/insert',
  ])
    await app.inject({ url: path, headers: { cookie: `x=${canary}` } })
  const text = JSON.stringify(lines)
  t.ok(lines.length > 12)
  for (const secret of [
    canary,
    new URL(databaseUrl).password || canary,
    password,
    made.json().token as string,
    cookies.cookie.split('=')[1]!,
  ])
    t.notOk(
      text.includes(secret),
      text.slice(Math.max(0, text.indexOf(secret) - 300), text.indexOf(secret) + 100),
    )
})
