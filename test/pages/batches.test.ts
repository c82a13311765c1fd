import t from 'tap'
import { batchService, items } from '../batches/service.ts'
import { accessibilityProblems, complaints, overflow, startBrowser } from '../support/browser.ts'

const service = await batchService(t)
const { call } = service
const browser = await startBrowser(t, service.app)
const evil = '<img src=x onerror=alert(1)>'

t.test('the pages are accessible, empty and full, and show names as text', async (t) => {
  const page = await browser.open({ as: 'admin' })
  const seen = complaints(page)
  const check = async (path: string) => {
    t.equal((await page.goto(path))?.status(), 200, path)
    t.same(await accessibilityProblems(page), [], path)
    t.ok((await overflow(page)) <= 0, `${path} fits`)
    t.equal(await page.locator('img').count(), 0)
  }
  await check('/batches')
  await check('/batches?status=paused')
  const { body } = await call('POST', '/batches', {
    key: evil,
    title: evil,
    items: [{ id: evil }, ...items(60)],
  })
  await call('POST', `/batches/${body.id}/checkpoints`, {
    failed: [{ id: evil, error: evil }],
    completed: ['item 2'],
  })
  const { body: empty } = await call('POST', '/batches', { key: 'empty' })
  for (const width of [1280, 320]) {
    await page.setViewportSize({ width, height: 800 })
    for (const path of [
      '/batches',
      '/batches?status=incomplete',
      `/batches/${body.id}`,
      `/batches/${body.id}?status=failed`,
      `/batches/${body.id}?status=leased`,
      `/batches/${empty.id}`,
    ])
      await check(path)
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
      await page.getByRole('region', { name: 'To go on with' }).getByRole('link', { name: key }).click()
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
      await page.getByText('1 of 4 items completed').waitFor()
      await checkpoint({ completed: ['item 4'] })
      await page.getByText('Completed with failures').waitFor()
      t.ok(await page.getByText('no voice').first().isVisible())
      await page.getByLabel('Try item 2 again').check()
      await page.getByRole('button', { name: 'Try the chosen ones again' }).click()
      await page.getByText('2 of 4 items completed, 50%. 1 failed, 1 pending.').waitFor()
      await page.getByRole('button', { name: 'Try all 1 failed item again' }).click()
      await page.getByText('2 of 4 items completed, 50%. 0 failed, 2 pending.').waitFor()
      await page.getByRole('button', { name: 'Cancel' }).click()
      await page.getByText('Cancelled', { exact: true }).first().waitFor()
      t.match((await call('GET', `/batches/${body.id}`)).body, { status: 'cancelled', completed: 2 })
    },
  )
}

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
