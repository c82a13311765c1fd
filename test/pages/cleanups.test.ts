import t from 'tap'
import { snapshotService } from '../snapshots/service.ts'
import { accessibilityProblems, complaints, overflow, startBrowser } from '../support/browser.ts'
import { sql } from '../support/postgres.ts'

const service = await snapshotService(t)
const { call } = service
const browser = await startBrowser(t, service.app)
const rows = await sql(
  service.source,
  'SELECT id::text AS id FROM conversations.conversations ORDER BY id LIMIT 10',
)
const keys = rows.map(({ id }) => String(id))

async function isThere(key: string): Promise<boolean> {
  const found = await sql(service.source, 'SELECT FROM conversations.conversations WHERE id = $1', [key])
  return found.length === 1
}

for (const [index, javaScript] of [true, false].entries()) {
  const [held, gone, later] = keys.slice(index * 3, index * 3 + 3) as [string, string, string]

  t.test(
    `a record is held, another goes, and comes back, ${javaScript ? 'with' : 'without'} JavaScript`,
    async (t) => {
      const page = await browser.open({ as: 'operator', javaScript })
      const seen = complaints(page)
      await page.goto(`/holds/new?dataset=conversations&key=${held}`)
      await page.getByRole('button', { name: 'Put on hold' }).click()
      await page.getByRole('alert').getByRole('link', { name: 'Reason' }).waitFor()
      t.equal(await page.getByLabel('Key', { exact: true }).inputValue(), held, 'what was typed is kept')
      await page.getByLabel('Reason').fill('A dispute')
      await page.getByLabel('Until').fill('2126-01-01')
      await page.getByRole('button', { name: 'Put on hold' }).click()
      await page.getByRole('heading', { name: held, level: 1 }).waitFor()
      if (javaScript) t.same(await accessibilityProblems(page), [])

      await page.goto('/cleanups/new?dataset=conversations')
      await page.getByLabel('Certain records').check()
      await page.getByLabel('Keys', { exact: true }).fill(`${held}\n${gone}`)
      await page.getByRole('button', { name: 'See what would go' }).click()
      await page.getByText('No snapshot covers these records').waitFor()
      t.ok(await page.getByText('The record is on hold.').isVisible(), 'what is left alone says why')
      if (javaScript) t.same(await accessibilityProblems(page), [])
      await page.getByLabel('Type conversations to confirm').fill('conversation')
      await page.getByRole('button', { name: 'Remove 1 record' }).click()
      await page.getByRole('alert').getByRole('link', { name: 'Dataset name' }).waitFor()
      t.ok(await isThere(gone), 'a name typed wrong removes nothing')
      await page.getByLabel('Type conversations to confirm').fill('conversations')
      await page.getByRole('button', { name: 'Remove 1 record' }).click()
      await page.getByText('1 record removed').waitFor()
      t.same([await isThere(gone), await isThere(held)], [false, true])
      if (javaScript) t.same(await accessibilityProblems(page), [])
      await page.getByRole('link', { name: 'Every record, one by one' }).click()
      await page.getByRole('heading', { name: 'What became of each' }).waitFor()
      t.equal(await page.locator('tbody tr').count(), 1)
      if (javaScript) t.same(await accessibilityProblems(page), [])
      await page.goBack()
      await page.getByRole('button', { name: 'Plan the undo' }).click()
      await page.waitForURL(/\/restores\//)

      await page.goto('/holds')
      await page.getByRole('link', { name: held }).click()
      await page.getByRole('button', { name: 'Lift the hold' }).click()
      await page.getByText('The hold is lifted').waitFor()
      t.same(
        seen.filter((words) => !/status of 4/.test(words)),
        [],
      )
    },
  )

  t.test(
    `one that waits is held, postponed and cancelled, ${javaScript ? 'with' : 'without'} JavaScript`,
    async (t) => {
      const page = await browser.open({ as: 'operator', javaScript })
      await page.goto(`/cleanups/new?dataset=conversations&keys=${later}&dueAt=2126-01-01&time=09:30`)
      await page.getByRole('button', { name: 'See what would go' }).click()
      await page.getByLabel('Type conversations to confirm').fill('conversations')
      await page.getByRole('button', { name: 'Remove 1 record' }).click()
      await page.getByRole('heading', { name: /^1 record go/ }).waitFor()
      const id = new URL(page.url()).pathname.split('/')[2]
      const cleanup = async () => (await call('GET', `/cleanups/${id}`)).body
      t.match(await cleanup(), { status: 'pending', dueAt: '2126-01-01T09:30:00.000Z' })
      await page.getByRole('button', { name: 'Hold', exact: true }).click()
      await page.getByText('On hold: nothing is removed').waitFor()
      await page.getByLabel('Type conversations to confirm').fill('conversations')
      await page.getByRole('button', { name: 'Run now' }).click()
      await page.getByRole('alert').getByText('Somebody has put it on hold').waitFor()
      await page.getByRole('button', { name: 'Lift the hold' }).click()
      await page.getByRole('button', { name: 'A week later' }).click()
      await page.getByText('Postponed.').waitFor()
      t.match(await cleanup(), { dueAt: '2126-01-08T09:30:00.000Z', hold: false })
      await page.getByLabel('To a day').fill('2020-01-01')
      await page.getByRole('button', { name: 'Postpone', exact: true }).click()
      await page.getByRole('alert').getByRole('link', { name: 'Deadline' }).waitFor()
      t.ok((await overflow(page)) <= 0)
      await page.getByRole('button', { name: 'Cancel it' }).click()
      await page.getByText('Cancelled: nothing is removed.').waitFor()
      t.ok(await isThere(later))
    },
  )
}
