import { request, type IncomingHttpHeaders } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { testApp } from '../support/app.ts'
import { bearer, browse, forgetEverybody, password, person } from '../support/people.ts'
import { sql } from '../support/postgres.ts'

/** Asks over a real connection, with exactly these headers. */
async function ask(
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: object,
): Promise<{ status: number; headers: IncomingHttpHeaders }> {
  const { port } = app.server.address() as AddressInfo
  const json = body === undefined ? {} : { 'content-type': 'application/json' }
  const sent = request({ port, host: '127.0.0.1', method, path, headers: { ...headers, ...json } })
  sent.end(body === undefined ? undefined : JSON.stringify(body))
  const [answer] = await once(sent, 'response')
  answer.resume()
  return { status: answer.statusCode, headers: answer.headers }
}

const app = await testApp(t)
await app.listen({ host: '127.0.0.1', port: 0 })
const own = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
t.beforeEach(() => forgetEverybody(app))

/** Somebody signed in. */
async function visitor(): Promise<string> {
  await person(app, 'ann', 'admin')
  return (await browse(app, 'ann')).cookie
}

t.test('a change by cookie needs to come from one of our pages', async (t) => {
  const cookie = await visitor()
  const other = 'https://evil.example'
  const tries: [name: string, headers: Record<string, string>, isRefused: boolean][] = [
    ['from another site', { 'sec-fetch-site': 'cross-site', origin: other }, true],
    ['from a sibling', { 'sec-fetch-site': 'same-site' }, true],
    [
      'from another site, with an origin that claims to be ours',
      { 'sec-fetch-site': 'cross-site', origin: own },
      true,
    ],
    ['with an unknown word', { 'sec-fetch-site': 'trust-me' }, true],
    ['from an older browser at another site', { origin: other }, true],
    ['from a page without an origin', { origin: 'null' }, true],
    ['from our host, but another port', { origin: 'http://127.0.0.1:1' }, true],
    ['from our host, but https', { origin: own.replace('http:', 'https:') }, true],
    ['without a word about it', {}, true],
    ['from our page', { 'sec-fetch-site': 'same-origin', origin: own }, false],
    ['by the person alone', { 'sec-fetch-site': 'none' }, false],
    ['from our page, in an older browser', { origin: own }, false],
  ]
  for (const [name, headers, isRefused] of tries) {
    const { status } = await ask('POST', '/api/tokens', { cookie, ...headers }, { name, role: 'viewer' })
    t.equal(status, isRefused ? 403 : 201, name)
  }
  t.match(await sql(app.config.databaseUrl!, 'SELECT count(*)::int AS tokens FROM api_tokens'), [
    { tokens: 3 },
  ])
  const refusals =
    "SELECT count(*)::int AS refusals FROM audit_entries WHERE metadata::jsonb ->> 'code' = 'CROSS_SITE_REFUSED'"
  t.match(await sql(app.config.databaseUrl!, refusals), [{ refusals: 9 }])
})

t.test('looking is allowed from anywhere, and scripts with a token are exempt', async (t) => {
  const cookie = await visitor()
  const elsewhere = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
  t.equal((await ask('GET', '/api/me', { cookie, ...elsewhere })).status, 200)
  t.notOk((await ask('GET', '/api/me', { cookie, ...elsewhere })).headers['access-control-allow-origin'])
  const token = await bearer(app, 'admin')
  t.equal(
    (await ask('POST', '/api/tokens', { ...token, ...elsewhere }, { name: 'x', role: 'viewer' })).status,
    201,
  )
  t.equal((await ask('POST', '/api/tokens', token, { name: 'x', role: 'viewer' })).status, 201)
})

t.test('nobody is signed in, or out, by another site', async (t) => {
  const cookie = await visitor()
  const elsewhere = { 'sec-fetch-site': 'cross-site' }
  const credentials = { email: 'ann@example.com', password }
  t.equal((await ask('POST', '/api/session', elsewhere, credentials)).status, 403)
  t.equal((await ask('POST', '/sign-in', { ...elsewhere, accept: 'text/html' })).status, 403)
  t.equal((await ask('POST', '/session/end', { cookie, ...elsewhere })).status, 403)
  t.equal((await ask('DELETE', '/api/session', { cookie, ...elsewhere })).status, 403)
  t.equal((await ask('GET', '/api/me', { cookie })).status, 200)
  t.equal((await ask('POST', '/api/session', {}, credentials)).status, 201, 'a script without a cookie')
})

t.test('Origin is compared with what the proxy says, when it is believed', async (t) => {
  const app = await testApp(t, { environment: { TRUST_PROXY: '127.0.0.1' } })
  await person(app, 'ann', 'admin')
  const proxied = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'holdfast.example' }
  const credentials = { email: 'ann@example.com', password }
  const signedIn = await app.inject({
    method: 'POST',
    url: '/api/session',
    headers: proxied,
    payload: credentials,
  })
  const cookie = `${signedIn.cookies[0]?.name}=${signedIn.cookies[0]?.value}`
  const change = (origin: string) =>
    app.inject({ method: 'DELETE', url: '/api/session', headers: { ...proxied, cookie, origin } })
  t.equal((await change('http://holdfast.example')).statusCode, 403)
  t.equal((await change('https://holdfast.example')).statusCode, 204)
})
