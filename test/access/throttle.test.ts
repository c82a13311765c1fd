import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { attemptLimits } from '../../src/access/throttle-sign-in.ts'
import { testApp } from '../support/app.ts'
import { browse, forgetEverybody, movableClock, password, person } from '../support/people.ts'
import { sql } from '../support/postgres.ts'

const minute = 60_000

// Two replicas over one database, and a clock for both.
const clock = movableClock()
const one = await testApp(t, { clock })
const two = await testApp(t, { clock, databaseUrl: one.config.databaseUrl! })
t.beforeEach(() => forgetEverybody(one))

function attempt(app: FastifyInstance, from: string, name: string, given = 'wrong and wrong again') {
  const payload = { email: `${name}@example.com`, password: given }
  return app.inject({ method: 'POST', url: '/api/session', remoteAddress: from, payload })
}

t.test('guessing at one account from one place is stopped, in all replicas', async (t) => {
  await person(one, 'ann', 'viewer')
  const session = await browse(one, 'ann')
  for (let i = 0; i < attemptLimits.placeAndAccount; i++)
    t.equal((await attempt(i % 2 ? one : two, '10.0.0.1', 'ann')).statusCode, 401)
  const refused = await attempt(two, '10.0.0.1', 'ann', password)
  t.match(refused, { statusCode: 429, headers: { 'retry-after': '900' } }, 'even with the right password')
  t.match(refused.json(), { code: 'SIGN_IN_THROTTLED' })
  t.equal((await attempt(one, '10.0.0.1', 'ann')).statusCode, 429)

  t.equal(
    (await one.inject({ url: '/api/me', headers: session })).statusCode,
    200,
    'who is signed in stays so',
  )
  t.equal((await attempt(one, '10.0.0.2', 'ann', password)).statusCode, 201, 'the owner, from another place')
  t.equal((await attempt(one, '10.0.0.1', 'ann')).statusCode, 429, 'the guesser gains nothing by that')
  clock.at += 15 * minute
  t.equal((await attempt(one, '10.0.0.1', 'ann', password)).statusCode, 201, 'a window later')
})

t.test('the answer is the same for an account that nobody has', async (t) => {
  for (let i = 0; i < attemptLimits.placeAndAccount; i++)
    t.equal((await attempt(one, '10.0.0.1', 'nobody')).statusCode, 401)
  t.equal((await attempt(one, '10.0.0.1', 'nobody')).statusCode, 429)
})

t.test('trying one password on many accounts is stopped at the place', async (t) => {
  for (let i = 0; i < attemptLimits.place; i++) await attempt(one, '2001:db8::1', `a${i}`)
  t.equal((await attempt(one, '2001:db8:0:0:ffff::2', 'another')).statusCode, 429, 'the same IPv6 network')
  t.equal((await attempt(one, '2001:db8:0:1::1', 'another')).statusCode, 401, 'another one')
  t.equal((await attempt(one, '::ffff:10.0.0.9', 'another')).statusCode, 401, 'IPv4 in the form of IPv6')
})

t.test(
  'guessing at one account from many places is stopped, but not where its owner was before',
  async (t) => {
    await person(one, 'ann', 'viewer')
    t.equal((await attempt(one, '192.0.2.1', 'ann', password)).statusCode, 201)
    for (let i = 0; i < attemptLimits.account; i++)
      await attempt(one, `10.0.${Math.floor(i / attemptLimits.placeAndAccount)}.1`, 'ann')
    t.equal((await attempt(one, '10.1.0.1', 'ann', password)).statusCode, 429, 'a place not seen before')
    t.equal((await attempt(one, '192.0.2.1', 'ann', password)).statusCode, 201, "the owner's place")
    clock.at += 15 * minute
    t.equal((await attempt(one, '10.1.0.1', 'ann', password)).statusCode, 201)
  },
)

t.test('attempts made at once are all counted', async (t) => {
  await person(one, 'ann', 'viewer')
  const made = Array.from({ length: 30 }, (_, i) => attempt(i % 2 ? one : two, '10.0.0.1', 'ann'))
  const answers = (await Promise.all(made)).map(({ statusCode }) => statusCode)
  t.equal(answers.filter((status) => status === 401).length, attemptLimits.placeAndAccount)
  t.equal(answers.filter((status) => status === 429).length, 30 - attemptLimits.placeAndAccount)
})

t.test('typing errors are forgiven with the right password', async (t) => {
  await person(one, 'ann', 'viewer')
  for (let i = 0; i < 3 * attemptLimits.placeAndAccount; i++) await attempt(one, '10.0.0.1', 'ann', password)
  t.equal((await attempt(one, '10.0.0.1', 'ann', password)).statusCode, 201)
  t.match(await sql(one.config.databaseUrl!, 'SELECT sum(count)::int AS counted FROM sign_in_attempts'), [
    { counted: 0 },
  ])
})

t.test('what no longer counts is removed', async (t) => {
  for (let i = 0; i < 5; i++) await attempt(one, `10.0.0.${i}`, `a${i}`)
  clock.at += 16 * minute
  await attempt(one, '10.0.1.1', 'b')
  t.match(await sql(one.config.databaseUrl!, 'SELECT count(*)::int AS kept FROM sign_in_attempts'), [
    { kept: 3 },
  ])
})

t.test('the present password is not guessed either, from a browser left alone', async (t) => {
  await person(one, 'ann', 'viewer')
  const headers = await browse(one, 'ann')
  const payload = { currentPassword: 'wrong and wrong again', password: 'entirely new words' }
  const guess = () => one.inject({ method: 'PUT', url: '/api/me/password', headers, payload })
  for (let i = 0; i < attemptLimits.placeAndAccount; i++) t.equal((await guess()).statusCode, 403)
  t.equal((await guess()).statusCode, 429)
})
