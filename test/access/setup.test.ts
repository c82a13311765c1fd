import t from 'tap'
import { testApp } from '../support/app.ts'
import { cookieOf, forgetEverybody, movableClock, password, person } from '../support/people.ts'
import { sql } from '../support/postgres.ts'

const origin = 'http://127.0.0.1:3000'
const given = { email: 'first@example.com', name: 'First', password }
const form = {
  'content-type': 'application/x-www-form-urlencoded',
  accept: 'text/html',
  'sec-fetch-site': 'same-origin',
}

const clock = movableClock()
const app = await testApp(t, { clock })
t.beforeEach(() => forgetEverybody(app))

async function link(): Promise<string> {
  const url = await app.setupUrl(origin)
  if (url === null) throw new Error('no link')
  return url.slice(origin.length)
}

function submit(path: string, fields: object = given) {
  const token = new URL(path, origin).searchParams.get('token')!
  const payload = new URLSearchParams({ token, ...fields }).toString()
  return app.inject({ method: 'POST', url: '/setup', headers: form, payload })
}

t.test('the link makes the first admin, signs them in, and is used up', async (t) => {
  const path = await link()
  const page = await app.inject({ url: path, headers: form })
  t.equal(page.statusCode, 200)
  t.equal(page.headers['cache-control'], 'no-store')
  t.match(page.body, /<label for="f-email">/)
  const done = await submit(path)
  t.match(done, { statusCode: 303, headers: { location: '/' } })
  const headers = { cookie: cookieOf(done) }
  t.match((await app.inject({ url: '/api/me', headers })).json(), {
    email: 'first@example.com',
    role: 'admin',
  })
  t.equal((await submit(path, { ...given, email: 'second@example.com' })).statusCode, 409)
  t.equal((await app.inject({ url: path, headers: form })).statusCode, 409)
  t.equal(await app.setupUrl(origin), null)
  t.match(await sql(app.config.databaseUrl!, 'SELECT count(*)::int AS links FROM setup_links'), [
    { links: 0 },
  ])
  const entries = await sql(
    app.config.databaseUrl!,
    'SELECT action, actor_email, audit_entries::text AS entry FROM audit_entries ORDER BY seq',
  )
  t.match(entries, [
    { action: 'user.created', actor_email: 'first@example.com' },
    { action: 'session.started', actor_email: 'first@example.com' },
    { action: 'setup:post' },
  ])
  t.notMatch(JSON.stringify(entries), new URL(path, origin).searchParams.get('token')!)
})

t.test('the link dies after an hour, and when a later start makes another', async (t) => {
  const first = await link()
  const second = await link()
  t.match(await submit(first), { statusCode: 403 })
  t.match(await app.inject({ url: first, headers: form }), { statusCode: 403 })
  clock.at += 3_600_000
  t.match(await submit(second), { statusCode: 403 })
  t.match(await submit('/setup?token=guessed'), { statusCode: 403 })
  const third = await link()
  t.match(await submit(third), { statusCode: 303 })
})

t.test('what was typed is kept, but no password', async (t) => {
  const path = await link()
  for (const wrong of ['too short', 'aaaaaaaaaaaaaaaaaaaa']) {
    const answer = await submit(path, { ...given, password: wrong })
    t.equal(answer.statusCode, 400)
    t.match(answer.body, /value="first@example.com"/)
    t.match(answer.body, /href="#f-password"/)
    t.notMatch(answer.body, wrong)
  }
  t.match(await submit(path), { statusCode: 303 }, 'the link is still good')
})

t.test('two who use the link at once: one user', async (t) => {
  const path = await link()
  const emails = ['a@example.com', 'b@example.com', 'c@example.com']
  const answers = await Promise.all(emails.map((email) => submit(path, { ...given, email })))
  t.same(answers.map(({ statusCode }) => statusCode).sort(), [303, 403, 403])
  t.match(await sql(app.config.databaseUrl!, 'SELECT count(*)::int AS users FROM users'), [{ users: 1 }])
})

t.test('with a user there is no link', async (t) => {
  const path = await link()
  await person(app, 'ann', 'viewer')
  t.equal(await app.setupUrl(origin), null)
  t.match(await submit(path), { statusCode: 409 })
})
