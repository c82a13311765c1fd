import pg from 'pg'
import t from 'tap'
import { checkPassword } from '../../src/access/passwords.ts'
import { testApp } from '../support/app.ts'
import { browse, cookieOf, forgetEverybody, movableClock, password, person } from '../support/people.ts'
import { sql } from '../support/postgres.ts'

const email = 'ann@example.com'
const wrong = 'incorrect horse battery'

const clock = movableClock()
const app = await testApp(t, { clock })
t.beforeEach(() => forgetEverybody(app))

t.test('signing in and out', async (t) => {
  const ann = await person(app, 'ann', 'operator')
  const answer = await app.inject({
    method: 'POST',
    url: '/api/session',
    payload: { email: ' ANN@example.com', password },
  })
  t.equal(answer.statusCode, 201)
  const cookie = answer.cookies.find(({ name }) => name === 'holdfast_session')
  t.match(cookie, { httpOnly: true, sameSite: 'Lax', path: '/' })
  t.equal(cookie?.secure, undefined, 'plain http')
  t.equal(cookie?.expires, undefined, 'gone with the browser')

  const headers = { cookie: cookieOf(answer), 'sec-fetch-site': 'same-origin' }
  const me = await app.inject({ url: '/api/me', headers })
  t.match(me.json(), { type: 'user', id: ann.id, email, role: 'operator' })
  t.ok(me.json().permissions.includes('restores:apply'))
  t.notOk(me.json().permissions.includes('users:list'))

  t.equal((await app.inject({ method: 'DELETE', url: '/api/session', headers })).statusCode, 204)
  t.match(
    await app.inject({ url: '/api/me', headers }),
    { statusCode: 401 },
    'the old cookie is worth nothing',
  )
  const entries = await sql(
    app.config.databaseUrl!,
    'SELECT action, actor_email, outcome FROM audit_entries ORDER BY seq',
  )
  t.match(entries, [
    { action: 'user.created', outcome: 'done' },
    { action: 'session.started', actor_email: email },
    { action: 'session.ended', actor_email: email },
    { action: 'me:get', outcome: 'refused' },
  ])
})

t.test('over https the cookie is bound to the host, and the plain one is not believed', async (t) => {
  const app = await testApp(t, { environment: { TRUST_PROXY: '127.0.0.1' } })
  await person(app, 'ann', 'viewer')
  const https = { 'x-forwarded-proto': 'https' }
  const answer = await app.inject({
    method: 'POST',
    url: '/api/session',
    headers: https,
    payload: { email, password },
  })
  t.match(answer.cookies, [{ name: '__Host-holdfast_session', secure: true, path: '/', domain: undefined }])
  const cookie = cookieOf(answer)
  t.equal((await app.inject({ url: '/api/me', headers: { ...https, cookie } })).statusCode, 200)
  const planted = cookie.replace('__Host-', '')
  t.equal((await app.inject({ url: '/api/me', headers: { ...https, cookie: planted } })).statusCode, 401)
})

t.test('an unknown address, a wrong password and a disabled user are answered alike', async (t) => {
  await person(app, 'ann', 'viewer')
  await person(app, 'bob', 'viewer')
  await sql(app.config.databaseUrl!, "UPDATE users SET disabled_at = now() WHERE name = 'bob'")
  const tries = [
    { email, password: wrong },
    { email: 'nobody@example.com', password: wrong },
    { email: 'bob@example.com', password },
  ]
  for (const payload of tries) {
    const answer = await app.inject({ method: 'POST', url: '/api/session', payload })
    t.equal(answer.statusCode, 401)
    t.match(answer.headers, { 'www-authenticate': /^Bearer/ })
    const { requestId, ...problem } = answer.json()
    t.same(problem, {
      type: '/problems/SIGN_IN_REFUSED',
      title: 'The email address or the password is not right',
      status: 401,
      detail: 'No user has this email address and this password.',
      code: 'SIGN_IN_REFUSED',
    })
    t.type(requestId, 'string')
    t.same(answer.cookies, [])
  }
  const refusals = await sql(
    app.config.databaseUrl!,
    "SELECT entity_type, cardinality(entity_ids) AS ids, metadata FROM audit_entries WHERE outcome = 'refused' ORDER BY seq",
  )
  t.match(refusals, [{ entity_type: 'user', ids: 1 }, { entity_type: 'session', ids: 0 }, { ids: 1 }])
  t.notMatch(JSON.stringify(refusals), /horse|nobody@/, 'neither passwords nor what may be one')
})

t.test('it takes as long to refuse an address that nobody has', async (t) => {
  const { passwordHash } = await person(app, 'ann', 'viewer')
  const took = async (hash: string | null) => {
    const started = performance.now()
    t.equal(await checkPassword(hash, wrong), false)
    return performance.now() - started
  }
  const known: number[] = []
  const unknown: number[] = []
  for (let i = 0; i < 5; i++) {
    known.push(await took(passwordHash))
    unknown.push(await took(null))
  }
  const ratio = Math.min(...unknown) / Math.min(...known)
  t.ok(ratio > 1 / 3 && ratio < 3, `the fastest of five each: ${ratio}`)
})

t.test('signing in takes the place of the session that the browser had', async (t) => {
  await person(app, 'ann', 'viewer')
  const first = await browse(app, 'ann')
  const again = await app.inject({
    method: 'POST',
    url: '/api/session',
    headers: first,
    payload: { email, password },
  })
  t.not(cookieOf(again), first.cookie)
  t.equal((await app.inject({ url: '/api/me', headers: first })).statusCode, 401)
  t.equal((await app.inject({ url: '/api/me', headers: { cookie: cookieOf(again) } })).statusCode, 200)
})

t.test('a planted cookie never becomes a session', async (t) => {
  await person(app, 'ann', 'viewer')
  const planted = { cookie: 'holdfast_session=planted', 'sec-fetch-site': 'same-origin' }
  const answer = await app.inject({
    method: 'POST',
    url: '/api/session',
    headers: planted,
    payload: { email, password },
  })
  t.equal(answer.statusCode, 201)
  t.not(cookieOf(answer), planted.cookie)
  t.equal((await app.inject({ url: '/api/me', headers: planted })).statusCode, 401)
})

const hour = 3_600_000

t.test('sessions end when idle, and after a week in any case', async (t) => {
  await person(app, 'ann', 'viewer')
  const status = async (headers: Record<string, string>) =>
    (await app.inject({ url: '/api/me', headers })).statusCode
  const idle = await browse(app, 'ann')
  const busy = await browse(app, 'ann')
  for (let waited = 0; waited + 11 * hour < 7 * 24 * hour; waited += 11 * hour) {
    clock.at += 11 * hour
    t.equal(await status(busy), 200, 'in use')
    if (waited > 0) t.equal(await status(idle), 401, 'idle for more than 12 hours')
  }
  clock.at += 11 * hour
  t.equal(await status(busy), 401, 'a week is over')
  await browse(app, 'ann')
  t.match(await sql(app.config.databaseUrl!, 'SELECT count(*)::int AS sessions FROM sessions'), [
    { sessions: 1 },
  ])
})

t.test('people see their sessions, and end them', async (t) => {
  await person(app, 'ann', 'viewer')
  await person(app, 'bob', 'viewer')
  const [here, there, bobs] = [await browse(app, 'ann'), await browse(app, 'ann'), await browse(app, 'bob')]
  const { items } = (await app.inject({ url: '/api/me/sessions', headers: here })).json()
  t.match(items, [{ current: false }, { current: true, address: '127.0.0.1' }])
  const end = (headers: Record<string, string>, id: string) =>
    app.inject({ method: 'DELETE', url: `/api/me/sessions/${id}`, headers })
  t.match(await end(bobs, items[0].id), { statusCode: 404 }, "not somebody else's")
  t.match(await end(here, items[0].id), { statusCode: 204 })
  t.equal((await app.inject({ url: '/api/me', headers: there })).statusCode, 401)
  t.equal((await app.inject({ url: '/api/me', headers: here })).statusCode, 200)
})

t.test('a new password ends all sessions but gives this browser a new one', async (t) => {
  await person(app, 'ann', 'viewer')
  const [here, there] = [await browse(app, 'ann'), await browse(app, 'ann')]
  const change = (payload: object, headers = here) =>
    app.inject({ method: 'PUT', url: '/api/me/password', headers, payload })
  t.match((await change({ currentPassword: wrong, password: 'entirely new words' })).json(), {
    code: 'PASSWORD_WRONG',
  })
  t.match((await change({ currentPassword: password, password: 'ann@example.com' })).json(), {
    code: 'PASSWORD_WEAK',
    errors: [{ pointer: '/password' }],
  })
  const answer = await change({ currentPassword: password, password: 'entirely new words' })
  t.equal(answer.statusCode, 200)
  for (const headers of [here, there])
    t.equal((await app.inject({ url: '/api/me', headers })).statusCode, 401)
  t.equal((await app.inject({ url: '/api/me', headers: { cookie: cookieOf(answer) } })).statusCode, 200)
  t.equal(
    (await app.inject({ method: 'POST', url: '/api/session', payload: { email, password } })).statusCode,
    401,
  )
  const [user] = await sql(app.config.databaseUrl!, 'SELECT password_hash FROM users')
  t.match(user?.password_hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
})

t.test('whoever is disabled is out, by whatever way and at whatever moment', async (t) => {
  const url = app.config.databaseUrl!
  await person(app, 'ann', 'viewer')
  const headers = await browse(app, 'ann')
  const other = new pg.Client({ connectionString: url })
  await other.connect()
  t.teardown(() => other.end())
  await other.query('BEGIN')
  await other.query('UPDATE users SET disabled_at = now()')
  const signingIn = app.inject({ method: 'POST', url: '/api/session', payload: { email, password } })
  await untilSomebodyWaits(url)
  await other.query('COMMIT')
  t.match(await signingIn, { statusCode: 401 }, 'disabled between the password and the session')
  t.match(
    await app.inject({ url: '/api/me', headers }),
    { statusCode: 401 },
    'with a session that was left over',
  )
})

/** Resolves once a transaction of the database waits for another's lock. */
async function untilSomebodyWaits(url: string): Promise<void> {
  const waiting =
    "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
  while ((await sql(url, waiting)).length === 0);
}

t.test('nothing that opens a door is stored', async (t) => {
  await person(app, 'ann', 'viewer')
  const { cookie } = await browse(app, 'ann')
  const secret = cookie.split('=')[1]!
  const [row] = await sql(app.config.databaseUrl!, 'SELECT sessions::text, digest FROM sessions')
  t.notMatch(row?.sessions, secret)
  t.match(row?.digest, /^[0-9a-f]{64}$/)
  t.equal(Buffer.from(secret, 'base64url').length, 32)
})
