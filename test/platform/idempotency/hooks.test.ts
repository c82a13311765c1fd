import { mock } from 'node:test'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import t from 'tap'
import Type from 'typebox'
import { defineProblems } from '../../../src/platform/errors.ts'
import { sweepKeys } from '../../../src/platform/idempotency/sweep-keys.ts'
import { testApp } from '../../support/app.ts'
import { bearer } from '../../support/people.ts'
import { sql, testDatabase } from '../../support/postgres.ts'

const problems = defineProblems({
  GATE_SHUT: { status: 409, title: 'The gate is shut', hint: '' },
  BUSY: { status: 429, title: 'Busy', hint: '' },
  AWAY: { status: 503, title: 'Away', hint: '' },
})

/** What a route does besides adding a row: the test sets it. */
let then: (n: number) => Promise<void> | void = () => {}
let before: () => Promise<void> | void = () => {}

async function routes(app: FastifyInstance) {
  const config = { permission: 'signed-in' as const }
  const schema = { body: Type.Object({ note: Type.String() }, { additionalProperties: false }) }
  app.post('/api/rows', { config, schema }, async (_request, reply) => {
    await before()
    const [{ n }] = await app.orm.em.transactional((em) =>
      em.execute<[{ n: number }]>('INSERT INTO rows DEFAULT VALUES RETURNING n'),
    )
    await then(n)
    return reply
      .code(201)
      .header('location', `/api/rows/${n}`)
      .send({ n, secret: `hf_secret_${n}` })
  })
  app.post('/api/reads', { config }, async () => {
    await app.orm.em.transactional((em) => em.execute('SELECT 1'), { readOnly: true })
    await then(0)
    return { read: true }
  })
  app.post('/api/empty', { config }, async (_request, reply) => reply.code(204).send())
  app.post('/api/public', { config: { permission: 'public' } }, async () => ({ at: performance.now() }))
}

const url = await testDatabase(t)
let now = Date.parse('2026-11-20T10:00:00Z')
const clock = { now: () => new Date(now) }
const app = await testApp(t, { databaseUrl: url, routes, clock })
const replica = await testApp(t, { databaseUrl: url, routes, clock })
await sql(url, 'CREATE TABLE rows (n int GENERATED ALWAYS AS IDENTITY)')
const headers = await bearer(app, 'operator')

t.beforeEach(() => {
  then = before = () => {}
})

let keys = 0
const newKey = () => `key-${(keys += 1)}`
const post = (key: string | undefined, { at = app, path = '/api/rows', note = 'a', as = headers } = {}) =>
  at.inject({
    method: 'POST',
    url: path,
    headers: { ...as, ...(key !== undefined && { 'idempotency-key': key }) },
    ...(path === '/api/rows' && { payload: { note } }),
  })
const rows = async () => (await sql(url, 'SELECT count(*)::int AS n FROM rows'))[0]!.n as number
const code = (answer: LightMyRequestResponse) => [answer.statusCode, answer.json().code]

t.test('the same key and body give the same answer, from every replica, and one effect', async (t) => {
  const key = newKey()
  const had = await rows()
  const first = await post(key)
  t.equal(first.statusCode, 201)
  t.equal(first.headers['idempotency-replayed'], undefined)
  for (const at of [app, replica]) {
    const again = await post(key, { at })
    t.equal(again.statusCode, 201)
    t.equal(again.body, first.body)
    t.equal(again.headers.location, first.headers.location)
    t.equal(again.headers['content-type'], first.headers['content-type'])
    t.equal(again.headers['idempotency-replayed'], 'true')
    t.not(again.headers['x-request-id'], first.headers['x-request-id'])
  }
  t.equal(await rows(), had + 1)
  const bodyless = newKey()
  t.equal((await post(bodyless, { path: '/api/empty' })).statusCode, 204)
  const repeated = await post(bodyless, { path: '/api/empty' })
  t.same([repeated.statusCode, repeated.body, repeated.headers['idempotency-replayed']], [204, '', 'true'])
})

t.test('without a key, and for what is public, every request counts', async (t) => {
  const had = await rows()
  await post(undefined)
  await post(undefined)
  t.equal(await rows(), had + 2)
  const key = newKey()
  t.not((await post(key, { path: '/api/public' })).body, (await post(key, { path: '/api/public' })).body)
})

t.test('a key belongs to one actor, path and body', async (t) => {
  const key = newKey()
  await post(key)
  t.same(code(await post(key, { note: 'b' })), [422, 'IDEMPOTENCY_KEY_REUSED'])
  const had = await rows()
  t.equal((await post(key, { as: await bearer(app, 'operator') })).statusCode, 201)
  t.equal((await post(key, { path: '/api/reads' })).statusCode, 200)
  t.equal(await rows(), had + 1)
})

t.test('keys are printable and at most 255 long', async (t) => {
  for (const key of ['', 'x'.repeat(256), 'ü', 'a\tb'])
    t.same(code(await post(key)), [400, 'IDEMPOTENCY_KEY_INVALID'], key)
  t.equal((await post('x'.repeat(255))).statusCode, 201)
})

t.test('of two at once one works, the other is told to wait', async (t) => {
  const key = newKey()
  const had = await rows()
  const entered = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  before = () => (entered.resolve(), gate.promise)
  const first = post(key)
  await entered.promise
  const second = await post(key, { at: replica })
  t.same(code(second), [409, 'IDEMPOTENCY_IN_PROGRESS'])
  t.equal(second.headers['retry-after'], '1')
  t.same(code(await post(key, { note: 'b' })), [422, 'IDEMPOTENCY_KEY_REUSED'])
  gate.resolve()
  t.equal((await first).statusCode, 201)
  t.equal((await post(key, { at: replica })).body, (await first).body)
  t.equal(await rows(), had + 1)
})

t.test('of fifty at once one works', async (t) => {
  const key = newKey()
  const had = await rows()
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, i) => post(key, { at: i % 2 ? app : replica })),
  )
  t.ok(answers.every(({ statusCode }) => statusCode === 201 || statusCode === 409))
  t.equal(await rows(), had + 1)
})

t.test('refusals are answers too; bad input and missing permission use no key up', async (t) => {
  const key = newKey()
  let shut = true
  before = () => {
    if (shut) throw problems.GATE_SHUT('Shut.')
  }
  const first = await post(key)
  shut = false
  t.same((await post(key)).json(), first.json())
  const other = newKey()
  const invalid = await app.inject({
    method: 'POST',
    url: '/api/rows',
    headers: { ...headers, 'idempotency-key': other },
    payload: { note: 1 },
  })
  t.equal(invalid.statusCode, 400)
  t.equal(
    (await app.inject({ method: 'POST', url: '/api/rows', headers: { 'idempotency-key': other } }))
      .statusCode,
    401,
  )
  t.equal((await post(other)).statusCode, 201)
})

t.test('a failure before any change gives the key back', async (t) => {
  for (const problem of [problems.AWAY('Away.'), problems.BUSY('Busy.'), new Error('unforeseen')]) {
    const key = newKey()
    const had = await rows()
    before = () => {
      throw problem
    }
    t.ok([429, 500, 503].includes((await post(key)).statusCode))
    before = () => {}
    t.equal((await post(key)).statusCode, 201)
    t.equal(await rows(), had + 1)
  }
})

t.test('a failure after a change is told, and nothing is done twice', async (t) => {
  const key = newKey()
  const had = await rows()
  then = () => {
    throw problems.AWAY('Away.')
  }
  t.equal((await post(key)).statusCode, 503)
  then = () => {}
  t.same(code(await post(key)), [409, 'IDEMPOTENCY_OUTCOME_UNKNOWN'])
  t.equal(await rows(), had + 1)
})

t.test('reading is no change', async (t) => {
  const key = newKey()
  then = () => {
    throw problems.AWAY('Away.')
  }
  t.equal((await post(key, { path: '/api/reads' })).statusCode, 503)
  then = () => {}
  t.equal((await post(key, { path: '/api/reads' })).statusCode, 200)
})

t.test(
  'an attempt that was taken for dead before it changed anything changes nothing any more',
  async (t) => {
    const key = newKey()
    const had = await rows()
    const entered = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    before = () => (entered.resolve(), gate.promise)
    const sleeper = post(key)
    await entered.promise
    before = () => {}
    now += 31_000
    const second = await post(key, { at: replica })
    t.equal(second.statusCode, 201)
    gate.resolve()
    t.same(code(await sleeper), [409, 'IDEMPOTENCY_IN_PROGRESS'])
    t.equal(await rows(), had + 1)
    t.equal((await post(key)).body, second.body)
  },
)

t.test('of an attempt that died after it changed something the next learns that', async (t) => {
  const key = newKey()
  const had = await rows()
  const changed = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  then = () => (changed.resolve(), gate.promise)
  const sleeper = post(key)
  await changed.promise
  t.same(code(await post(key)), [409, 'IDEMPOTENCY_IN_PROGRESS'])
  now += 31_000
  t.same(code(await post(key, { at: replica })), [409, 'IDEMPOTENCY_OUTCOME_UNKNOWN'])
  gate.resolve()
  const late = await sleeper
  t.equal(late.statusCode, 201)
  t.equal((await post(key, { at: replica })).body, late.body, 'and gets the answer once there is one')
  t.equal(await rows(), had + 1)
})

t.test('an attempt that takes long shows that it is alive', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => mock.timers.reset())
  const key = newKey()
  const entered = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  before = () => (entered.resolve(), gate.promise)
  const slow = post(key)
  await entered.promise
  now += 20_000
  mock.timers.tick(10_000)
  const renewed = new Date(now + 30_000)
  while ((await sql(url, 'SELECT 1 FROM idempotency_keys WHERE lease_until = $1', [renewed])).length === 0);
  now += 20_000
  t.same(code(await post(key, { at: replica })), [409, 'IDEMPOTENCY_IN_PROGRESS'])
  gate.resolve()
  t.equal((await slow).statusCode, 201)
})

t.test('after 24 hours a key is new again, and the sweep removes what is over', async (t) => {
  const key = newKey()
  const first = await post(key)
  now += 24 * 3_600_000 - 1000
  t.equal((await post(key)).body, first.body)
  now += 1000
  const second = await post(key)
  t.not(second.body, first.body)
  t.ok((await sweepKeys(app.orm.em, clock.now())) > 10)
  t.equal((await sql(url, 'SELECT count(*)::int AS n FROM idempotency_keys'))[0]!.n, 1)
  t.equal((await post(key)).body, second.body)
})

t.test('neither key, body nor answer can be read from the database', async (t) => {
  const key = `canary-key-${newKey()}`
  const answer = await post(key, { note: 'canary-note' })
  const [row] = await sql(
    url,
    'SELECT string_agg(k::text || encode(answer, $1), $2) AS all FROM idempotency_keys k',
    ['escape', ''],
  )
  for (const canary of [key, 'canary-note', 'hf_secret', headers.authorization.slice(7)])
    t.notMatch(row!.all, canary)
  t.match(answer.body, 'hf_secret')
})
