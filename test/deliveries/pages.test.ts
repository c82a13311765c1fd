import t from 'tap'
import { browse, movableClock, person } from '../support/people.ts'
import { deliveryService, snapshotOf } from './service.ts'

const service = await deliveryService(t, { clock: movableClock() })
const { app, sessions, graph } = service
await person(app, 'ada', 'admin')
const headers = await browse(app, 'ada')
const html = { ...headers, accept: 'text/html' }

const page = (url: string) => app.inject({ url, headers: html })
const submit = (url: string, fields: Record<string, string> = {}) =>
  app.inject({
    method: 'POST',
    url,
    headers: { ...html, 'content-type': 'application/x-www-form-urlencoded' },
    payload: new URLSearchParams(fields).toString(),
  })
const wanted = (fields: Record<string, string>) => ({
  dataset: 'legacy-import',
  which: 'keys',
  keys: sessions[0]!,
  ...fields,
})

t.test('a delivery is asked for, followed and found again without JavaScript', async (t) => {
  t.match((await page('/deliveries')).body, /Nothing was delivered yet/)
  t.match((await page(`/deliveries/new?dataset=legacy-import&keys=${sessions[0]}`)).body, sessions[0])
  const closed = await submit('/deliveries', wanted({ type: 'folder', path: 'firm' }))
  t.equal(closed.statusCode, 409)
  t.match(closed.body, /No snapshot covers the scope/)
  await snapshotOf(service, sessions)
  const asked = await submit('/deliveries', wanted({ type: 'folder', path: 'firm', title: 'To the firm' }))
  t.equal(asked.statusCode, 303)
  const url = String(asked.headers.location).split('?')[0]!
  await app.inject({ url: `/api${url}/events`, headers })
  const shown = await page(url)
  t.match(shown.body, /All files are delivered/)
  t.match(shown.body, /24<small> of 24/)
  t.match((await page('/deliveries?status=completed')).body, /To the firm/)
  t.match((await page('/deliveries?status=failed')).body, /No delivery matches/)
})

t.test('a token is given again where it has expired, and never shown', async (t) => {
  graph.tokens.add('fresh-token')
  const token = 'an-expired-token'
  const asked = await submit('/deliveries', wanted({ type: 'onedrive', folder: 'Firm', accessToken: token }))
  const url = String(asked.headers.location).split('?')[0]!
  const paused = () => app.inject({ url: `/api${url}`, headers })
  for (let seen = await paused(); seen.json().status !== 'paused'; seen = await paused());
  const shown = await page(url)
  t.match(shown.body, /has expired or was revoked/)
  t.equal((await submit(`${url}/token`, { accessToken: 'fresh-token' })).statusCode, 303)
  await app.inject({ url: `/api${url}/events`, headers })
  t.match((await page(url)).body, /All files are delivered/)
  const wrong = await submit('/deliveries', wanted({ type: 'folder', path: '../up', accessToken: token }))
  t.equal(wrong.statusCode, 400)
  t.notMatch(wrong.body + shown.body, token)
})
