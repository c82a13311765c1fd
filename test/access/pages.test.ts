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
