import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { sweepRateLimits } from '../../src/platform/rate-limits/queries.ts'
import { testApp } from '../support/app.ts'
import { bearer } from '../support/people.ts'
import { sql, testDatabase } from '../support/postgres.ts'

async function routes(app: FastifyInstance) {
  app.get('/api/mine', { config: { permission: 'signed-in' } }, async () => ({}))
  app.get('/api/free', { config: { permission: 'public' } }, async () => ({}))
}

const databaseUrl = await testDatabase(t)
let now = Date.parse('2026-11-20T10:00:10Z')
const clock = { now: () => new Date(now) }
const options = { databaseUrl, routes, clock, environment: { HOLDFAST_RATE_LIMIT: '10' } }
const replicas = [await testApp(t, options), await testApp(t, options)]
const ask = (i: number, url: string, headers = {}, remoteAddress = '192.0.2.1') =>
  replicas[i % 2]!.inject({ url, headers, remoteAddress })

t.test('an actor has so many requests a minute, over all replicas', async (t) => {
  const headers = await bearer(replicas[0]!, 'viewer')
  for (let i = 1; i <= 10; i += 1) {
    const answer = await ask(i, '/api/mine', headers)
    t.equal(answer.statusCode, 200)
    t.match(answer.headers, {
      'ratelimit-limit': '10',
      'ratelimit-remaining': `${10 - i}`,
      'ratelimit-reset': '50',
    })
  }
  for (const i of [0, 1]) {
    const answer = await ask(i, '/api/mine', headers)
    t.equal(answer.statusCode, 429)
    t.equal(answer.headers['retry-after'], '50')
    t.equal(answer.json().code, 'TOO_MANY_REQUESTS')
  }
  t.equal((await ask(0, '/api/mine', await bearer(replicas[0]!, 'viewer'))).statusCode, 200, 'others go on')
  now += 50_000
  t.equal((await ask(0, '/api/mine', headers)).statusCode, 200, 'in the next minute all is well')
})

t.test('an address has four times as many, whoever asks and whatever for', async (t) => {
  now += 60_000
  const from = '2001:db8:0:1::1'
  for (let i = 0; i < 40; i += 1) {
    const headers = { authorization: `Bearer guess-${i}` }
    t.equal((await ask(i, i % 2 ? '/api/mine' : '/api/nothing', headers, from)).statusCode, i % 2 ? 401 : 404)
  }
  t.equal((await ask(0, '/api/free', {}, from)).statusCode, 429)
  t.equal(
    (await ask(0, '/api/free', {}, '2001:db8:0:1::2')).statusCode,
    429,
    'its neighbours in the /64 are the same',
  )
  t.equal((await ask(0, '/api/free', {}, '2001:db8:0:2::1')).statusCode, 200)
  for (const url of ['/healthz', '/readyz']) t.equal((await ask(0, url, {}, from)).statusCode, 200, url)
})

t.test('fifty at once are counted one by one', async (t) => {
  now += 60_000
  const headers = await bearer(replicas[0]!, 'viewer')
  const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => ask(i, '/api/mine', headers)))
  t.equal(answers.filter(({ statusCode }) => statusCode === 200).length, 10)
})

t.test('who has not asked for a while is forgotten', async (t) => {
  await sweepRateLimits(replicas[0]!.orm.em.fork(), new Date(now + 60_000))
  t.same(await sql(databaseUrl, 'SELECT * FROM rate_limits'), [])
})
