import t from 'tap'
import { accessibilityProblems, complaints, overflow, startBrowser, type Theme } from '../support/browser.ts'
import { deliveryService, snapshotOf } from './service.ts'

const service = await deliveryService(t)
await snapshotOf(service, service.sessions)
const browser = await startBrowser(t, service.app)
const prefer = { prefer: 'wait=40' }
const wanted = { dataset: 'legacy-import', scope: { keys: [service.sessions[0]] } }

const looks: [Theme, number][] = [
  ['light', 1280],
  ['dark', 320],
]

t.test('the pages of deliveries are accessible and fit, whatever their titles', async (t) => {
  const folder = { type: 'folder', path: 'firm' }
  const done = await service.call('POST', '/deliveries', { ...wanted, destination: folder }, prefer)
  service.graph.misbehave('put', { kind: 'full' })
  const evil = { title: '<img src=x onerror=alert(1)>', accessToken: 'a-token' }
  const destination = { type: 'onedrive', folder: 'Firm' }
  const paused = await service.call('POST', '/deliveries', { ...wanted, ...evil, destination }, prefer)
  const paths = [
    '/deliveries',
    '/deliveries/new',
    ...[done, paused].map(({ body }) => `/deliveries/${body.id}`),
  ]
  for (const [theme, width] of looks) {
    const page = await browser.open({ as: 'admin', theme, width })
    const seen = complaints(page)
    for (const path of paths) {
      t.equal((await page.goto(path))?.status(), 200, path)
      t.same(await accessibilityProblems(page), [], `${path} is accessible`)
      t.ok((await overflow(page)) <= 0, `${path} is no wider than its window`)
      t.equal(await page.locator('img').count(), 0, `${path} shows names as text`)
    }
    t.same(seen, [], 'the browser has nothing to complain about')
  }
})
