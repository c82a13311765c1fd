import t from 'tap'
import { testApp } from '../support/app.ts'
import { bearer, browse, forgetEverybody, password, person } from '../support/people.ts'
import { sql } from '../support/postgres.ts'

const app = await testApp(t)
t.beforeEach(() => forgetEverybody(app))

function patch(id: string, headers: Record<string, string>, payload: object) {
  return app.inject({ method: 'PATCH', url: `/api/users/${id}`, headers, payload })
}

t.test('an admin makes, lists and changes users', async (t) => {
  const headers = await bearer(app, 'admin')
  const create = (payload: object) => app.inject({ method: 'POST', url: '/api/users', headers, payload })
  const given = { email: 'Ann@Example.com', name: ' Ann ', role: 'operator', password }
  const made = await create(given)
  t.equal(made.statusCode, 201)
  t.match(made.json(), {
    email: 'ann@example.com',
    name: 'Ann',
    role: 'operator',
    disabled: false,
    lastSignInAt: null,
  })
  t.notMatch(made.body, /horse|argon2/)
  t.match((await create({ ...given, email: 'aNN@example.com' })).json(), { code: 'EMAIL_TAKEN', status: 409 })
  const { id } = made.json()
  t.match((await patch(id, headers, { name: 'Anna', disabled: true })).json(), {
    name: 'Anna',
    disabled: true,
  })
  t.match((await patch(id, headers, { disabled: false })).json(), { disabled: false })
  t.equal((await patch('01900000-0000-7000-8000-000000000000', headers, { name: 'x' })).statusCode, 404)
  t.match((await app.inject({ url: '/api/users', headers })).json(), { items: [{ id }], nextCursor: null })
  const entries = await sql(
    app.config.databaseUrl!,
    "SELECT action, metadata FROM audit_entries WHERE entity_ids = ARRAY[$1] AND outcome = 'done' ORDER BY seq",
    [id],
  )
  t.match(entries, [
    { action: 'user.created' },
    { action: 'user.changed', metadata: /"after":\{"disabled":true,"name":"Anna"/ },
    {},
  ])
  t.notMatch(JSON.stringify(entries), /horse|argon2/)
})

t.test('an admin signs somebody out of every browser', async (t) => {
  const headers = await bearer(app, 'admin')
  const { id } = await person(app, 'ann', 'viewer')
  const [first, second] = [await browse(app, 'ann'), await browse(app, 'ann')]
  t.match((await app.inject({ url: `/api/users/${id}`, headers })).json(), { id, email: 'ann@example.com' })
  const url = `/api/users/${id}/sessions`
  t.equal((await app.inject({ method: 'DELETE', url, headers })).statusCode, 204)
  for (const session of [first, second])
    t.equal((await app.inject({ url: '/api/me', headers: session })).statusCode, 401)
  const entries = await sql(
    app.config.databaseUrl!,
    "SELECT metadata FROM audit_entries WHERE action = 'user.sessions_ended'",
  )
  t.same(entries, [{ metadata: '{"sessionsEnded":2}' }])
  const nobody = '/api/users/01900000-0000-7000-8000-000000000000/sessions'
  t.match((await app.inject({ method: 'DELETE', url: nobody, headers })).json(), { code: 'USER_NOT_FOUND' })
})

t.test('bad input is told apart and nothing is converted', async (t) => {
  const headers = await bearer(app, 'admin')
  const good = { email: 'ann@example.com', name: 'Ann', role: 'viewer', password }
  const wrong: [object, string][] = [
    [{ ...good, email: 'ann' }, '/email'],
    [{ ...good, email: 'ann@example.com\r\nBcc: x' }, '/email'],
    [{ ...good, name: '  ' }, '/name'],
    [{ ...good, name: 'a\u0000b' }, '/name'],
    [{ ...good, role: 'root' }, '/role'],
    [{ ...good, password: 'too short' }, '/password'],
    [{ ...good, password: 'aaaaaaaaaaaaaaaa' }, '/password'],
    [{ ...good, password: 'abcdefghijklmnop' }, '/password'],
    [{ ...good, password: 'Password-Holdfast' }, '/password'],
    [{ ...good, password: 'ann@example.com1' }, '/password'],
    [{ ...good, admin: true }, '/admin'],
    [{ ...good, password: 123456789012 }, '/password'],
  ]
  for (const [payload, pointer] of wrong) {
    const answer = await app.inject({ method: 'POST', url: '/api/users', headers, payload })
    t.match(answer.json(), { status: 400, errors: [{ pointer }] }, JSON.stringify(payload))
  }
  t.match(await sql(app.config.databaseUrl!, 'SELECT count(*)::int AS users FROM users'), [{ users: 0 }])
})

const changes: [string, object][] = [
  ['role', { role: 'viewer' }],
  ['password', { password: 'entirely new words' }],
  ['disabling', { disabled: true }],
]
for (const [name, change] of changes)
  t.test(`sessions end at once: ${name}`, async (t) => {
    const headers = await bearer(app, 'admin')
    const ann = await person(app, 'ann', 'operator')
    const sessions = [await browse(app, 'ann'), await browse(app, 'ann')]
    await patch(ann.id, headers, { name: 'Anna' })
    for (const session of sessions)
      t.equal((await app.inject({ url: '/api/me', headers: session })).statusCode, 200)
    t.equal((await patch(ann.id, headers, change)).statusCode, 200)
    for (const session of sessions)
      t.equal((await app.inject({ url: '/api/me', headers: session })).statusCode, 401)
    t.match(await sql(app.config.databaseUrl!, 'SELECT count(*)::int AS sessions FROM sessions'), [
      { sessions: 0 },
    ])
  })

t.test('tokens that may do more than their creator still may are revoked', async (t) => {
  const headers = await bearer(app, 'admin')
  const ann = await person(app, 'ann', 'admin')
  await person(app, 'bob', 'admin')
  const session = await browse(app, 'ann')
  const tokens: Record<string, string> = {}
  for (const role of ['admin', 'operator', 'viewer']) {
    const made = await app.inject({
      method: 'POST',
      url: '/api/tokens',
      headers: session,
      payload: { name: role, role },
    })
    tokens[role] = `Bearer ${made.json().token}`
  }
  const valid = async () => {
    const answers = await Promise.all(
      Object.entries(tokens).map(async ([role, authorization]) => {
        const { statusCode } = await app.inject({ url: '/api/me', headers: { authorization } })
        return statusCode === 200 ? [role] : []
      }),
    )
    return answers.flat()
  }
  t.same(await valid(), ['admin', 'operator', 'viewer'])
  await patch(ann.id, headers, { role: 'operator' })
  t.same(await valid(), ['operator', 'viewer'])
  await patch(ann.id, headers, { disabled: true })
  t.same(await valid(), [])
})

t.test('the last admin stays one', async (t) => {
  const headers = await bearer(app, 'admin')
  const ann = await person(app, 'ann', 'admin')
  for (const change of [{ role: 'viewer' }, { disabled: true }]) {
    const answer = await patch(ann.id, headers, change)
    t.match(answer.json(), { code: 'LAST_ADMIN', status: 409 })
  }
  const bob = await person(app, 'bob', 'admin')
  t.equal((await patch(bob.id, headers, { disabled: true })).statusCode, 200)
  t.equal((await patch(ann.id, headers, { disabled: true })).statusCode, 409, 'a disabled admin is none')
  t.equal((await patch(ann.id, headers, { name: 'Anna', role: 'admin' })).statusCode, 200)
})

t.test('two admins who demote each other at once: one stays', async (t) => {
  const headers = await bearer(app, 'admin')
  for (let round = 0; round < 5; round++) {
    const [a, b] = [await person(app, `a${round}`, 'admin'), await person(app, `b${round}`, 'admin')]
    const answers = await Promise.all([a, b].map(({ id }) => patch(id, headers, { role: 'viewer' })))
    t.same(answers.map(({ statusCode }) => statusCode).sort(), [200, 409])
    await sql(app.config.databaseUrl!, "UPDATE users SET role = 'viewer'")
  }
})
