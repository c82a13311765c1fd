import pg from 'pg'
import t, { type Test } from 'tap'
import { snapshotService } from '../snapshots/service.ts'
import { accessibilityProblems, startBrowser } from '../support/browser.ts'

const service = await snapshotService(t)
const browser = await startBrowser(t, service.app)

/** Keeps everybody from reading a table until it is released, so that work on it goes on for as long. */
async function holdUp(t: Test, table: string): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: service.source })
  await client.connect()
  await client.query(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`)
  let released: Promise<void> | null = null
  const release = () => (released ??= client.end())
  t.teardown(release)
  return release
}

for (const javaScript of [true, false]) {
  t.test(
    `work that goes on is followed to its end, ${javaScript ? 'with' : 'without'} JavaScript`,
    async (t) => {
      const release = await holdUp(t, 'conversations.turns')
      const page = await browser.open({ javaScript, as: 'operator' })
      await page.goto('/snapshots/new?dataset=conversations')
      await page.getByRole('main').getByRole('button', { name: 'Take snapshot' }).click()
      await page.getByText('Running').waitFor()
      if (javaScript) t.same(await accessibilityProblems(page), [])
      await page.reload()
      t.ok(await page.getByRole('group', { name: 'Progress' }).isVisible(), 'survives a reload')
      if (javaScript) await page.evaluate('window.sameDocument = true')
      const second = await page.context().newPage()
      await second.goto(page.url())
      t.ok(await second.getByText('Running').isVisible(), 'and shows in a second tab')

      await release()
      await page.getByRole('heading', { name: 'Is it good?' }).waitFor()
      t.equal(await page.getByText('Running').count(), 0)
      if (javaScript) t.ok(await page.evaluate('window.sameDocument'), 'nothing was loaded anew')
    },
  )
}

t.test('what runs shows on the dashboard, and can be cancelled', async (t) => {
  const release = await holdUp(t, 'conversations.turns')
  const page = await browser.open({ as: 'operator' })
  await page.goto('/snapshots/new?dataset=conversations')
  await page.getByRole('main').getByRole('button', { name: 'Take snapshot' }).click()
  await page.getByText('Running').waitFor()
  await page.goto('/')
  await page.getByRole('region', { name: 'Running now' }).getByRole('link').click()
  await page.getByRole('button', { name: 'Cancel' }).click()
  await page.locator('.notice.bad').getByText('The snapshot was cancelled').waitFor()
  await release()
  await page.goto('/')
  t.ok(await page.getByText('Nothing failed.').isVisible(), 'to cancel is not to fail')
})

t.test('a double click takes one snapshot', async (t) => {
  const page = await browser.open({ as: 'operator' })
  await page.goto('/snapshots/new?dataset=legacy-import')
  await page.getByRole('main').getByRole('button', { name: 'Take snapshot' }).dblclick()
  await page.getByRole('heading', { name: 'Is it good?' }).waitFor()
  await page.goto('/snapshots?dataset=legacy-import')
  t.equal(await page.locator('tbody tr').count(), 1)
})
