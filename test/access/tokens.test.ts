import t from 'tap'
import { bootstrapToken } from '../../src/access/bootstrap-token.ts'
import { testApp } from '../support/app.ts'
import { bearer, browse, forgetEverybody, movableClock, person } from '../support/people.ts'
import { sql } from '../support/postgres.ts'

const clock = movableClock()
const app = await testApp(t, { clock })
t.beforeEach(() => forgetEverybody(app))

t.test('a token is shown once, used, listed and revoked', async (t) => {
  const admin = await bearer(app, 'admin')
  const made = await app.inject({
    method: 'POST',
    url: '/api/tokens',
    headers: admin,
    payload: { name: 'nightly', role: 'operator', expiresAt: null },
  })
  t.equal(made.statusCode, 201)
  t.equal(made.headers['cache-control'], 'no-store')
  const { id, token } = made.json()
  t.match(token, /^hf_[\w-]{43}$/)
  t.match(made.json(), {
    name: 'nightly',
    role: 'operator',
    expiresAt: null,
    lastUsedAt: null,
    revokedAt: null,
  })
  t.match(await sql(app.config.databaseUrl!, 'SELECT * FROM api_tokens WHERE id = $1', [id]), [
    { digest: /^[0-9a-f]{64}$/ },
  ])
  const dump = await sql(
    app.config.databaseUrl!,
    'SELECT api_tokens::text FROM api_tokens UNION ALL SELECT audit_entries::text FROM audit_entries',
  )
  t.notMatch(JSON.stringify(dump), token)

  const headers = { authorization: `Bearer ${token}` }
  t.match((await app.inject({ url: '/api/me', headers })).json(), {
    type: 'token',
    id,
    name: 'nightly',
    email: null,
  })
  clock.at += 30_000
  await app.inject({ url: '/api/me', headers })
  const list = (await app.inject({ url: '/api/tokens', headers: admin })).json()
  t.match(list.items[0], { id, lastUsedAt: '2026-11-20T10:00:00.000Z' }, 'to the minute')
  t.notMatch(JSON.stringify(list), token)
  clock.at += 31_000
  await app.inject({ url: '/api/me', headers })
  t.match((await app.inject({ url: '/api/tokens', headers: admin })).json().items[0], {
    lastUsedAt: /10:01:01/,
  })

  const revoke = () => app.inject({ method: 'DELETE', url: `/api/tokens/${id}`, headers: admin })
  t.equal((await revoke()).statusCode, 204)
  t.equal((await revoke()).statusCode, 204, 'again')
  const refused = await app.inject({ url: '/api/me', headers })
  t.match(refused, { statusCode: 401, headers: { 'www-authenticate': /^Bearer/ } })
  t.equal(refused.json().code, 'CREDENTIALS_INVALID')
  const entries = await sql(
    app.config.databaseUrl!,
    'SELECT action, entity_ids, outcome FROM audit_entries ORDER BY seq OFFSET 1',
  )
  t.match(entries, [
    { action: 'token.created', entity_ids: [id] },
    { action: 'token.revoked', entity_ids: [id] },
    { action: 'me:get', outcome: 'refused' },
  ])
})

t.test('a token expires', async (t) => {
  const headers = await bearer(app, 'admin')
  const make = (expiresAt: string) =>
    app.inject({
      method: 'POST',
      url: '/api/tokens',
      headers,
      payload: { name: 'x', role: 'viewer', expiresAt },
    })
  t.match((await make('2026-11-20T10:00:00Z')).json(), { code: 'TOKEN_EXPIRY_PAST' })
  const { token } = (await make('2026-11-20T11:00:00Z')).json()
  const status = async () =>
    (await app.inject({ url: '/api/me', headers: { authorization: `Bearer ${token}` } })).statusCode
  t.equal(await status(), 200)
  clock.at += 3_600_000
  t.equal(await status(), 401)
})

t.test('a token does no more than its creator, who sees and revokes only their own', async (t) => {
  await person(app, 'olga', 'operator')
  const olga = await browse(app, 'olga')
  const admin = await bearer(app, 'admin')
  const make = (role: string, headers: Record<string, string>) =>
    app.inject({ method: 'POST', url: '/api/tokens', headers, payload: { name: role, role } })
  t.match((await make('admin', olga)).json(), { code: 'FORBIDDEN', status: 403 })
  for (const role of ['operator', 'viewer', 'member']) t.equal((await make(role, olga)).statusCode, 201)
  t.equal((await make('operator', await bearer(app, 'operator'))).statusCode, 201, 'a token makes tokens too')
  const own = (await app.inject({ url: '/api/tokens', headers: olga })).json().items
  t.match(
    own.map(({ name }: { name: string }) => name),
    ['member', 'viewer', 'operator'],
  )
  const all = (await app.inject({ url: '/api/tokens', headers: admin })).json().items
  t.equal(all.length, 6)
  const others = all.find(({ createdBy }: { createdBy: { name: string } }) => createdBy.name !== 'olga')
  const revoke = (id: string, headers: Record<string, string>) =>
    app.inject({ method: 'DELETE', url: `/api/tokens/${id}`, headers })
  t.equal((await revoke(others.id, olga)).statusCode, 404)
  t.equal((await revoke(own[0].id, admin)).statusCode, 204)
})

t.test('lists go page by page', async (t) => {
  const headers = await bearer(app, 'admin')
  for (let i = 0; i < 4; i++) await bearer(app, 'viewer')
  const seen = []
  let cursor = ''
  do {
    const page = (await app.inject({ url: `/api/tokens?limit=2${cursor}`, headers })).json()
    seen.push(...page.items)
    cursor = page.nextCursor && `&cursor=${page.nextCursor}`
  } while (cursor)
  t.equal(new Set(seen.map(({ id }) => id)).size, 5)
  t.match(await app.inject({ url: '/api/tokens?cursor=rubbish', headers }), { statusCode: 400 })
})

t.test('what is no token is refused', async (t) => {
  const { authorization } = await bearer(app, 'admin')
  await person(app, 'ann', 'admin')
  const { cookie } = await browse(app, 'ann')
  const token = authorization.slice('Bearer '.length)
  for (const shown of [
    'Bearer hf_unknown',
    'Bearer',
    `Basic ${token}`,
    token,
    `Bearer ${token}x`,
    `Bearer ${'x'.repeat(9000)}`,
  ])
    t.match(
      await app.inject({ url: '/api/me', headers: { authorization: shown, cookie } }),
      { statusCode: 401 },
      shown.slice(0, 20),
    )
})

const secret = 'a-bootstrap-token-of-32-characters'

t.test('the bootstrap token is made at a first start, and only then', async (t) => {
  const environment = { HOLDFAST_BOOTSTRAP_TOKEN: secret }
  const headers = { authorization: `Bearer ${secret}` }
  const first = await testApp(t, { environment })
  const databaseUrl = first.config.databaseUrl!
  const me = await first.inject({ url: '/api/me', headers })
  t.match(me.json(), { type: 'token', name: 'bootstrap', role: 'admin' })
  t.match(await sql(databaseUrl, 'SELECT action, actor_type FROM audit_entries'), [
    { action: 'token.created', actor_type: 'system' },
  ])
  const startAgain = (value: string) =>
    bootstrapToken(Object.create(first, { config: { value: { ...first.config, bootstrapToken: value } } }))
  await startAgain(secret)
  t.equal((await first.inject({ url: '/api/me', headers })).statusCode, 200)
  t.match(
    await sql(databaseUrl, 'SELECT count(*)::int AS tokens FROM api_tokens'),
    [{ tokens: 1 }],
    'made once',
  )
  await first.inject({ method: 'DELETE', url: `/api/tokens/${me.json().id}`, headers })
  await startAgain(secret)
  t.equal((await first.inject({ url: '/api/me', headers })).statusCode, 401, 'revoked stays revoked')
  await startAgain(`${secret}2`)
  const another = { authorization: `Bearer ${secret}2` }
  t.equal((await first.inject({ url: '/api/me', headers: another })).statusCode, 401, 'only at a first start')
})

t.test('replicas that start at once make one bootstrap token', async (t) => {
  const starting = Object.create(app, { config: { value: { ...app.config, bootstrapToken: secret } } })
  await Promise.all(Array.from({ length: 8 }, () => bootstrapToken(starting)))
  t.match(await sql(app.config.databaseUrl!, 'SELECT count(*)::int AS tokens FROM api_tokens'), [
    { tokens: 1 },
  ])
})
