import t from 'tap'
import { safeNext } from '../../src/access/safe-next.ts'
import { testApp } from '../support/app.ts'
import { browse, cookieOf, forgetEverybody, password, person } from '../support/people.ts'

const html = { accept: 'text/html,application/xhtml+xml' }
const form = { ...html, 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' }

const app = await testApp(t)
t.beforeEach(() => forgetEverybody(app))

function fields(values: Record<string, string>): string {
  return new URLSearchParams(values).toString()
}

t.test('whoever is signed out is led to the sign-in page, and back', async (t) => {
  await person(app, 'ann', 'admin')
  const asked = await app.inject({ url: '/audit?action=user.created', headers: html })
  t.match(asked, { statusCode: 303, headers: { location: '/sign-in?next=%2Faudit%3Faction%3Duser.created' } })
  const page = await app.inject({ url: asked.headers.location as string, headers: html })
  t.match(page.body, 'name="next" value="/audit?action=user.created"')
  const payload = fields({ email: 'ann@example.com', password, next: '/audit?action=user.created' })
  const entered = await app.inject({ method: 'POST', url: '/sign-in', headers: form, payload })
  t.match(entered, { statusCode: 303, headers: { location: '/audit?action=user.created' } })
  const headers = { ...html, cookie: cookieOf(entered) }
  const audit = await app.inject({ url: '/audit?action=user.created', headers })
  t.equal(audit.statusCode, 200)
  t.match(audit.body, 'user.created')

  const out = await app.inject({
    method: 'POST',
    url: '/session/end',
    headers: { ...form, cookie: headers.cookie },
  })
  t.match(out, { statusCode: 303, headers: { location: '/sign-in' } })
  t.match(await app.inject({ url: '/audit', headers }), { statusCode: 303 })
})

t.test('a wrong password shows the form again, with what was typed but the password', async (t) => {
  const payload = fields({ email: 'ann@example.com', password: 'wrong and wrong again', next: '/audit' })
  const answer = await app.inject({ method: 'POST', url: '/sign-in', headers: form, payload })
  t.equal(answer.statusCode, 401)
  t.match(answer.body, 'id="errors"')
  t.match(answer.body, 'value="ann@example.com"')
  t.match(answer.body, 'name="next" value="/audit"')
  t.notMatch(answer.body, 'wrong and wrong again')
  const empty = await app.inject({
    method: 'POST',
    url: '/sign-in',
    headers: form,
    payload: fields({ email: '', password: '' }),
  })
  t.equal(empty.statusCode, 400)
  t.match(empty.body, 'href="#f-password"')
})

t.test('parts of pages send the whole page to sign in', async (t) => {
  const headers = { ...html, 'hx-request': 'true', 'hx-current-url': 'http://127.0.0.1:3000/audit?actor=ann' }
  const answer = await app.inject({ url: '/audit/verification', headers })
  t.match(answer, { statusCode: 401, headers: { 'hx-redirect': '/sign-in?next=%2Faudit%3Factor%3Dann' } })
})

t.test('programs get a problem, not a page', async (t) => {
  for (const request of [
    { url: '/api/audit', headers: html },
    { url: '/audit' },
    { url: '/audit', headers: { ...html, authorization: 'Bearer x' } },
  ]) {
    const answer = await app.inject(request)
    t.match(answer, { statusCode: 401, headers: { 'www-authenticate': /^Bearer/ } })
  }
})

t.test('a page that is forbidden says what is missing', async (t) => {
  await person(app, 'olga', 'operator')
  const answer = await app.inject({ url: '/audit', headers: { ...html, ...(await browse(app, 'olga')) } })
  t.equal(answer.statusCode, 403)
  t.match(answer.body, 'audit:list')
})

t.test('signing in never leads to another site', async (t) => {
  const away = [
    undefined,
    '',
    'https://evil.example/',
    '//evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    '/.//evil.example',
    '/x/..//evil.example',
    'javascript:alert(1)',
    'audit',
    '/sign-in?next=/sign-in',
    '/session/end',
    '/setup?token=x',
    '/api/audit/download',
    `/${'x'.repeat(3000)}`,
  ]
  for (const next of away) t.equal(safeNext(next), '/', String(next).slice(0, 40))
  for (const next of ['/audit', '/snapshots?key=a%2Fb&x=1', '/sign-ins']) t.equal(safeNext(next), next)
  t.equal(safeNext('/é'), '/%C3%A9')
  await person(app, 'ann', 'admin')
  for (const next of ['https://evil.example/', '/.//evil.example']) {
    const payload = fields({ email: 'ann@example.com', password, next })
    const answer = await app.inject({ method: 'POST', url: '/sign-in', headers: form, payload })
    t.match(answer, { statusCode: 303, headers: { location: '/' } })
  }
})

const post = (url: string, headers: Record<string, string>, values: Record<string, string>) =>
  app.inject({ method: 'POST', url, headers: { ...form, ...headers }, payload: fields(values) })

t.test('a new token is shown once, to whoever made it', async (t) => {
  await person(app, 'olga', 'operator')
  const headers = { ...html, ...(await browse(app, 'olga')) }
  const form = await app.inject({ url: '/tokens/new', headers })
  t.match(form.body, /<option value="operator"/)
  t.notMatch(form.body, /<option value="admin"/, 'no more than their own role')
  const made = await post('/tokens', headers, { name: 'sync', role: 'viewer', expiresAt: '2999-01-01' })
  t.equal(made.statusCode, 303)
  const url = made.headers.location as string
  const [{ name, value, path }] = made.cookies as [{ name: string; value: string; path: string }]
  t.equal(path, url, 'the cookie goes to that page alone')
  const once = await app.inject({
    url,
    headers: { ...headers, cookie: `${headers.cookie}; ${name}=${value}` },
  })
  t.match(once.body, value)
  t.equal(once.headers['cache-control'], 'no-store')
  t.match(once.cookies, [{ name, value: '' }], 'and is taken back')
  t.notMatch((await app.inject({ url, headers })).body, value)
  const planted = { ...headers, cookie: `${headers.cookie}; ${name}=hf_made_up` }
  t.notMatch((await app.inject({ url, headers: planted })).body, 'hf_made_up')
  const shown = { authorization: `Bearer ${value}` }
  t.match((await app.inject({ url: '/api/me', headers: shown })).json(), { name: 'sync', role: 'viewer' })
  t.match((await post(`${url}/revocation`, headers, {})).headers.location, url)
  t.equal((await app.inject({ url: '/api/me', headers: shown })).statusCode, 401)

  const late = await post('/tokens', headers, { name: 'late', role: 'viewer', expiresAt: '2020-01-01' })
  t.match(late, { statusCode: 400, body: /href="#f-expiresAt"[^]*value="late"[^]*value="2020-01-01"/ })
  t.equal((await post('/tokens', headers, { name: 'x', role: 'admin' })).statusCode, 403)
})

t.test('users are made, changed field by field, and kept out', async (t) => {
  await person(app, 'ann', 'admin')
  const headers = { ...html, ...(await browse(app, 'ann')) }
  const given = { email: 'vera@example.com', name: 'Vera', role: 'viewer' }
  const weak = await post('/users', headers, { ...given, password: 'veraveravera' })
  t.match(weak, { statusCode: 400, body: /href="#f-password"[^]*value="vera@example.com"/ })
  t.notMatch(weak.body, 'veraveravera')
  const made = await post('/users', headers, { ...given, password })
  const url = made.headers.location as string
  t.match((await app.inject({ url: '/users', headers })).body, /Vera/)
  const vera = { ...html, ...(await browse(app, 'vera')) }
  t.match((await app.inject({ url, headers })).body, /In 1 browser/)
  t.equal((await post(`${url}/sessions/end`, headers, {})).statusCode, 303)
  t.match(await app.inject({ url: '/', headers: vera }), {
    statusCode: 303,
    headers: { location: '/sign-in' },
  })
  for (const [path, value] of [
    ['name', { name: 'Vera V.' }],
    ['role', { role: 'operator' }],
    ['password', { password: 'another horse battery staple' }],
    ['disabled', { disabled: 'true' }],
  ] as const)
    t.match(
      await post(`${url}/${path}`, headers, value),
      { statusCode: 303, headers: { location: url } },
      path,
    )
  const page = (await app.inject({ url, headers })).body
  t.match(page, /Vera V\.[^]*Disabled[^]*session\.started[^]*Enable the account[^]*user\.changed/)
  t.match(await post(`${url}/name`, headers, {}), { statusCode: 400 })
  const own = (await app.inject({ url: '/api/me', headers })).json().id as string
  t.match(await post(`/users/${own}/disabled`, headers, { disabled: 'true' }), {
    statusCode: 409,
    body: /This is the last admin/,
  })
})

t.test('users and tokens are sorted, narrowed down and downloaded', async (t) => {
  await person(app, 'ann', 'admin')
  for (const [name, role] of [
    ['zoe', 'viewer'],
    ['bob', 'operator'],
    ['50%', 'viewer'],
  ] as const)
    await person(app, name, role)
  const ann = { ...html, ...(await browse(app, 'ann')) }
  const bob = { ...html, ...(await browse(app, 'bob')) }
  const page = async (url: string, headers = ann) => (await app.inject({ url, headers })).body
  const linesOf = async (url: string, headers = ann) =>
    (await page(url, headers))
      .trim()
      .split('\r\n')
      .slice(1)
      .map((line) => line.split(','))

  t.match(await page('/users?sort=name'), /aria-sort="ascending"[^]*>50%<[^]*>ann<[^]*>bob<[^]*>zoe</)
  t.match(await page('/users?sort=-name'), /aria-sort="descending"[^]*>zoe<[^]*>bob<[^]*>ann</)
  t.match(await page('/users?sort=-seen'), /aria-sort="descending"[^]*>bob<[^]*>ann<|>ann<[^]*>bob</)
  const emails = async (filter: string) =>
    (await linesOf(`/users?format=csv&sort=email&${filter}`)).map(([, email]) => email)
  t.same(await emails('role=viewer'), ['50%@example.com', 'zoe@example.com'])
  t.same(await emails('q=ZOE'), ['zoe@example.com'], 'part of it, whatever its case')
  t.same(await emails('q=0%25'), ['50%@example.com'], 'a percent sign is one')
  const zoe = (await linesOf('/users?format=csv&q=zoe'))[0]![0]
  await post(`/users/${zoe}/disabled`, ann, { disabled: 'true' })
  t.same(await emails('state=disabled'), ['zoe@example.com'])
  t.notOk((await emails('state=active')).includes('zoe@example.com'))
  t.match(await page('/users?q=nobody'), /No user matches/)
  t.equal((await app.inject({ url: '/users?sort=password_hash', headers: ann })).statusCode, 400)

  for (const [name, headers, expiresAt] of [
    ['nightly', ann, '2999-01-01'],
    ['adhoc', bob, '2998-01-01'],
    ['gone', bob, '2997-01-01'],
  ] as const) {
    const made = await post('/tokens', headers, { name, role: 'viewer', expiresAt })
    if (name === 'gone') await post(`${made.headers.location}/revocation`, headers, {})
  }
  const tokens = async (filter: string, headers = ann) =>
    (await linesOf(`/tokens?format=csv&${filter}`, headers)).map(([, name]) => name)
  t.same(await tokens('by=bo&sort=expires'), ['gone', 'adhoc'])
  t.same(await tokens('by=bob&state=revoked'), ['gone'])
  t.same(await tokens('by=bob&state=active'), ['adhoc'])
  t.same(await tokens('by=bob&state=expired'), [])
  t.same(await tokens('sort=name', bob), ['adhoc', 'gone'], 'nobody gets the tokens of others')
  t.match(await page('/tokens?sort=name'), /aria-sort="ascending"[^]*>adhoc<[^]*>gone<[^]*>nightly</)
  t.match(await page('/tokens?role=member'), /No token matches/)
})

t.test('everybody sees to their own password and sessions', async (t) => {
  await person(app, 'vera', 'viewer')
  const [here, there] = [await browse(app, 'vera'), await browse(app, 'vera')]
  const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0'
  await app.inject({
    method: 'POST',
    url: '/api/session',
    payload: { email: 'vera@example.com', password },
    headers: { 'user-agent': firefox },
  })
  const headers = { ...html, ...here }
  t.match((await app.inject({ url: '/account', headers })).body, /Firefox on Linux[^]*this one/)
  const [, id] = /<form method="post" action="\/account\/sessions\/(\S+)\/end">/.exec(
    (await app.inject({ url: '/account', headers })).body,
  )!
  t.match(await post(`/account/sessions/${id}/end`, headers, {}), { headers: { location: '/account' } })
  const wrong = { currentPassword: 'wrong and wrong again', password: 'another horse battery staple' }
  t.match(await post('/account/password', headers, wrong), {
    statusCode: 403,
    body: /href="#f-currentPassword"/,
  })
  const right = await post('/account/password', headers, { ...wrong, currentPassword: password })
  t.match(right, { statusCode: 303, headers: { location: '/account' } })
  t.equal((await app.inject({ url: '/account', headers: { ...html, ...there } })).statusCode, 303)
  const renewed = { ...html, 'sec-fetch-site': 'same-origin', cookie: cookieOf(right) }
  const mine = (await app.inject({ url: '/api/me/sessions', headers: renewed })).json().items
  t.match(mine, [{ current: true }])
  t.match(await post(`/account/sessions/${mine[0].id}/end`, renewed, {}), {
    headers: { location: '/sign-in' },
  })
})

t.test('the matrix is shown as it is published', async (t) => {
  await person(app, 'mia', 'member')
  const headers = { ...html, ...(await browse(app, 'mia')) }
  const { permissions } = (await app.inject({ url: '/api/permissions', headers })).json()
  const { body } = await app.inject({ url: '/permissions', headers })
  for (const { permission, description } of permissions) {
    t.match(body, `title="${permission}"`)
    t.match(body, description.replaceAll("'", '&#39;'))
  }
})
