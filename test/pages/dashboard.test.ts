import t from 'tap'
import { snapshotService, take } from '../snapshots/service.ts'
import { testApp } from '../support/app.ts'
import { accessibilityProblems, startBrowser } from '../support/browser.ts'
import { sql } from '../support/postgres.ts'

const service = await snapshotService(t)
const browser = await startBrowser(t, service.app)
const names = ['chat', 'conversations', 'deal-rooms', 'legacy-import', 'video-library']

t.test('all of it fits a laptop without scrolling', async (t) => {
  const page = await browser.open({ as: 'admin' })
  await page.goto('/')
  const bottom = await page
    .getByRole('region', { name: 'Last good snapshot' })
    .evaluate<number, HTMLElementLike>((element) => element.getBoundingClientRect().bottom)
  t.ok(bottom <= 800, `${bottom} px`)
})

interface HTMLElementLike {
  getBoundingClientRect(): { bottom: number }
}

t.test('one look says whether everything is safe, and which button mends what is not', async (t) => {
  const page = await browser.open({ as: 'operator', javaScript: false })
  const verdict = page.locator('#verdict')

  await page.goto('/')
  t.match(await verdict.textContent(), /5 things need attention/)
  await verdict.getByRole('link', { name: 'Take one' }).first().click()
  t.equal(await page.getByLabel('Dataset').inputValue(), 'chat', 'the button leads to what is missing')
  await page.getByRole('main').getByRole('button', { name: 'Take snapshot' }).click()
  await page.getByRole('heading', { name: 'Is it good?' }).waitFor()
  await page.goto('/')
  t.match(await verdict.textContent(), /4 things need attention/)

  await take(service, { dataset: 'video-library', scope: { keys: ['Gaming'] } })
  await page.goto('/')
  t.match(
    await verdict.textContent(),
    /Video library has no good snapshot/,
    'single records make nothing safe',
  )
  for (const dataset of names.slice(1)) await take(service, { dataset })
  await page.goto('/')
  t.match(await verdict.textContent(), /Everything is safe/)
  t.equal(await page.getByRole('row').filter({ hasText: 'Safe' }).count(), 5)

  await sql(
    service.app.config.databaseUrl!,
    `UPDATE snapshots SET taken_at = taken_at - interval '8 days' WHERE dataset = 'chat'`,
  )
  await page.goto('/')
  t.match(await verdict.textContent(), /Chat: the last good snapshot is more than 7 days old/)
})

t.test('it says which records go next, and when', async (t) => {
  const { body: listed } = await service.call('GET', '/datasets/conversations/records?limit=2')
  const keys = listed.items.map(({ key }) => key)
  const wanted = { dataset: 'conversations', target: 'records', scope: { keys } }
  const { body: preview } = await service.call('POST', '/cleanups', wanted)
  const dueAt = new Date(Date.now() + 3.5 * 86_400_000).toISOString()
  const confirmed = { ...wanted, confirmDelete: true, planHash: preview['planHash'], dueAt }
  const { body: cleanup } = await service.call('POST', '/cleanups', confirmed)
  const page = await browser.open({ as: 'viewer', javaScript: false })
  await page.goto('/')
  const next = page.getByRole('region', { name: 'What gets deleted next' }).getByRole('listitem').first()
  t.match(await next.textContent(), /Cleanup of conversations, 2 records.*in 3 days/)
  await next.getByRole('link').click()
  t.equal(new URL(page.url()).pathname, `/cleanups/${cleanup.id}`)
})

t.test('a member goes on to their own snapshots', async (t) => {
  const page = await browser.open({ as: 'member' })
  await page.goto('/')
  t.equal(new URL(page.url()).pathname, '/snapshots')
  t.ok(await page.getByText('No snapshots yet').isVisible(), "and sees nobody else's")
})
t.test('with nothing declared it says what comes first', async (t) => {
  const browser = await startBrowser(t, await testApp(t, { environment: { HOLDFAST_DATASETS: '/nowhere' } }))
  for (const theme of ['light', 'dark'] as const) {
    const page = await browser.open({ as: 'admin', theme })
    await page.goto('/')
    t.match(await page.locator('#verdict').textContent(), /Nothing to keep safe yet/)
    t.ok(await page.getByRole('link', { name: 'Draft a dataset' }).isVisible())
    t.same(await accessibilityProblems(page), [])
  }
})
