import type { Page } from 'playwright-core'
import t from 'tap'
import { batchService, items } from '../batches/service.ts'
import { accessibilityProblems, complaints, overflow, startBrowser } from '../support/browser.ts'

const service = await batchService(t, { environment: { HOLDFAST_WEBHOOK_ALLOW: '127.0.0.1:9' } })
const { call } = service
const browser = await startBrowser(t, service.app)
/** Waits until a figure of the page says so. */
async function figure(page: Page, name: string, value: string) {
  const shown = page.locator('.figures > div').filter({ has: page.getByText(name, { exact: true }) })
  await shown
    .locator('dd')
    .filter({ hasText: new RegExp(`^${value}$`) })
    .waitFor()
}

const evil = '<img src=x onerror=alert(1)>'

t.test('the pages are accessible, empty and full, and show names as text', async (t) => {
  const page = await browser.open({ as: 'admin' })
  const seen = complaints(page)
  const check = async (path: string, isNarrow = false) => {
    t.equal((await page.goto(path))?.status(), 200, path)
    if (!isNarrow) t.same(await accessibilityProblems(page), [], path)
    t.ok((await overflow(page)) <= 0, `${path} fits`)
    t.equal(await page.locator('img').count(), 0)
  }
  await check('/batches')
  await check('/batches?status=paused')
  await check('/batches/new')
  const { body } = await call('POST', '/batches', {
    key: evil,
    title: evil,
    items: [{ id: evil, payload: { evil } }, ...items(60)],
  })
  await call('POST', `/batches/${body.id}/checkpoints`, {
    failed: [{ id: evil, error: evil }],
    completed: [{ id: 'item 2', result: { evil } }],
  })
  const { body: empty } = await call('POST', '/batches', { key: 'empty' })
  for (const width of [1280, 320]) {
    await page.setViewportSize({ width, height: 800 })
    for (const path of [
      '/batches',
      '/batches?status=incomplete',
      `/batches/${body.id}`,
      `/batches/${body.id}/items?status=failed`,
      `/batches/${body.id}/items?error=${encodeURIComponent(evil)}`,
      `/batches/${body.id}/items?id=${encodeURIComponent(evil)}`,
      `/batches/${body.id}/items?status=leased`,
      `/batches/${body.id}/items/1`,
      `/batches/${body.id}/items/new`,
      `/batches/${body.id}/cancellation`,
      `/batches/${empty.id}`,
      `/batches/${empty.id}/items`,
    ])
      await check(path, width < 1000)
  }
  t.same(seen, [])
})

for (const javaScript of [true, false]) {
  t.test(
    `a batch is followed, paused, resumed, tried again, ${javaScript ? 'with' : 'without'} JavaScript`,
    async (t) => {
      const key = `followed ${javaScript}`
      const { body } = await call('POST', '/batches', { key, title: key, items: items(4) })
      const checkpoint = (report: object) => call('POST', `/batches/${body.id}/checkpoints`, report)
      const page = await browser.open({ as: 'operator', javaScript })
      await page.goto('/batches')
      await page
        .getByRole('region', { name: 'To go on with' })
        .getByRole('link', { name: key, exact: true })
        .click()
      await page.getByRole('heading', { name: key, level: 1 }).waitFor()
      t.ok(await page.getByText('Waiting for workers').isVisible())
      await page.getByRole('button', { name: 'Pause' }).click()
      await page.getByRole('button', { name: 'Resume' }).click()
      await page.getByRole('button', { name: 'Pause' }).waitFor()
      await checkpoint({
        completed: ['item 1'],
        failed: [
          { id: 'item 2', error: 'no voice' },
          { id: 'item 3', error: 'no persona' },
        ],
      })
      await figure(page, 'Pending', '1')
      await checkpoint({ completed: ['item 4'] })
      await page.getByText('Completed with failures').waitFor()
      t.equal(await page.getByRole('region', { name: 'What failed' }).getByRole('row').count(), 3)
      await page.getByRole('button', { name: 'Retry these with no persona' }).click()
      await figure(page, 'Failed', '1')
      await page.getByRole('link', { name: 'All 4 items' }).click()
      await page.getByLabel('Choose item 2').check()
      await page.getByRole('button', { name: 'Try the chosen ones again' }).click()
      await figure(page, 'Failed', '0')
      await figure(page, 'Pending', '2')
      await page.getByRole('link', { name: 'Cancel' }).click()
      await page.getByText('Give up 2 items').waitFor()
      await page.getByLabel(`Type ${key} to confirm`).fill('something else')
      await page.getByRole('button', { name: 'Cancel the batch' }).click()
      await page.getByRole('alert').getByRole('link', { name: 'Key of the batch' }).waitFor()
      await page.getByLabel(`Type ${key} to confirm`).fill(key)
      await page.getByRole('button', { name: 'Cancel the batch' }).click()
      await page.getByText('Cancelled', { exact: true }).first().waitFor()
      t.match((await call('GET', `/batches/${body.id}`)).body, { status: 'cancelled', completed: 2 })
    },
  )
}

for (const javaScript of [true, false]) {
  t.test(
    `a batch is made by hand, extended, and looked into, ${javaScript ? 'with' : 'without'} JavaScript`,
    async (t) => {
      const key = `made ${javaScript}`
      const page = await browser.open({ as: 'operator', javaScript })
      await page.goto('/batches')
      await page.getByRole('link', { name: 'New batch' }).click()
      await page.getByLabel('Key', { exact: true }).fill(key)
      await page.getByLabel('Items', { exact: true }).fill('one\n{"id": "two"')
      await page.getByRole('button', { name: 'Create batch' }).click()
      const summary = page.getByRole('alert')
      t.match(await summary.textContent(), /line 2/, 'the line that is wrong is named')
      t.ok(await page.getByLabel('Items', { exact: true }).inputValue(), 'and what was typed is there')
      await page
        .getByLabel('Items', { exact: true })
        .fill('one\n\n{"id": "two", "payload": {"topic": "tea"}}')
      await page.getByRole('button', { name: 'Create batch' }).click()
      await page.getByText('Nobody works on it').waitFor()
      const lines = await page.getByRole('group', { name: 'Commands of a worker' }).textContent()
      const id = new URL(page.url()).pathname.split('/')[2]!
      t.match(lines, `BATCH=${browser.address}/api/batches/${id}`)

      await page.getByRole('link', { name: 'Add items' }).click()
      if (javaScript) {
        const file = { name: 'items.txt', mimeType: 'text/plain', buffer: Buffer.from('two\nthree') }
        await page.getByLabel('From a file').setInputFiles(file)
        await page.waitForFunction('document.getElementById("f-items").value !== ""')
      } else await page.getByLabel('Items', { exact: true }).fill('two\nthree')
      await page.getByRole('button', { name: 'Add items' }).click()
      await page.getByText('1 item added. 1 other had been there already.').waitFor()
      await page.getByRole('link', { name: 'All 3 items' }).click()
      await page.getByLabel('Id begins with').fill('tw')
      await page.getByRole('button', { name: 'Filter' }).click()
      await page.waitForURL(/id=tw/)
      await page.getByRole('link', { name: 'two', exact: true }).click()
      await page.getByRole('heading', { name: 'two', level: 1 }).waitFor()
      t.match(await page.getByRole('group', { name: 'Payload' }).textContent(), '"topic": "tea"')
    },
  )
}

t.test('what goes on is followed, however late a script arrives', async () => {
  const { body } = await call('POST', '/batches', { key: 'slow', items: items(2) })
  const page = await browser.open({ as: 'operator' })
  const isThere = Promise.withResolvers<void>()
  await page.route('**/hx-sse.min.js', async (route) => {
    await isThere.promise
    return route.continue()
  })
  const followed = page.waitForRequest((request) => request.url().endsWith(`/${body.id}/events`))
  await page.goto(`/batches/${body.id}`, { waitUntil: 'commit' })
  while (!(await page.evaluate('window.htmx !== undefined')));
  await page.evaluate('new Promise((done) => setTimeout(() => setTimeout(done)))')
  isThere.resolve()
  await followed
})

t.test('whoever has gone on is not taken back by news of what was followed', async (t) => {
  const { body } = await call('POST', '/batches', { key: 'left', items: items(2) })
  const page = await browser.open({ as: 'operator' })
  const [arrived, hasGone] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  // The page fetches itself anew with the first news, which comes as soon as it listens.
  await page.route(`**/batches/${body.id}`, async (route) => {
    if (route.request().headers()['hx-request'] === undefined) return route.continue()
    const answer = await route.fetch()
    arrived.resolve()
    await hasGone.promise
    return route.fulfill({ response: answer })
  })
  await page.goto(`/batches/${body.id}`)
  await arrived.promise
  await page.getByRole('link', { name: 'Cancel' }).click()
  await page.getByRole('heading', { name: 'Cancel this batch' }).waitFor()
  const late = page.waitForEvent('requestfinished', (request) => request.url().endsWith(body.id))
  hasGone.resolve()
  await late
  await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))')
  t.ok(await page.getByRole('heading', { name: 'Cancel this batch' }).isVisible())
})

t.test('a webhook is shown without what may be a secret', async (t) => {
  const page = await browser.open({ as: 'operator' })
  await page.goto('/batches/new')
  await page.getByLabel('Key', { exact: true }).fill('hooked')
  await page.getByLabel('A webhook').check()
  await page.getByRole('button', { name: 'Create batch' }).click()
  await page.getByRole('alert').getByRole('link', { name: 'Address' }).waitFor()
  await page.getByLabel('Address').fill('http://127.0.0.1:9/items?token=hush')
  await page.getByLabel('Calls at once').fill('2')
  await page.getByRole('button', { name: 'Create batch' }).click()
  await page.getByText('http://127.0.0.1:9/items?…').waitFor()
  t.notMatch(await page.content(), 'hush')
  t.ok(await page.getByText('2, 1 item in each').isVisible())
})

t.test('whoever may only look is offered nothing to do', async (t) => {
  const { body } = await call('POST', '/batches', { key: 'looked at', items: items(2) })
  const page = await browser.open({ as: 'viewer' })
  await page.goto(`/batches/${body.id}`)
  t.equal(
    await page
      .getByRole('main')
      .getByRole('button', { name: /Pause|Cancel|again/ })
      .count(),
    0,
  )
})
