import t from 'tap'
import { snapshotService, take } from '../snapshots/service.ts'
import { accessibilityProblems, complaints, startBrowser } from '../support/browser.ts'
import { sql } from '../support/postgres.ts'

const service = await snapshotService(t)
const browser = await startBrowser(t, service.app)
const snapshot = await take(service, { dataset: 'chat', title: 'Before it all' })

for (const javaScript of [true, false]) {
  t.test(
    `records are found in a snapshot and restored, ${javaScript ? 'with' : 'without'} JavaScript`,
    async (t) => {
      const [first, second] = javaScript ? [11, 12] : [13, 14]
      await sql(service.source, `DELETE FROM chat.sessions WHERE id IN (${first}, ${second})`)
      const page = await browser.open({ javaScript, as: 'operator' })
      const seen = complaints(page)
      await page.goto('/restores')
      await page
        .getByRole('link', { name: /Restore records|Choose a snapshot/ })
        .first()
        .click()
      await page.getByRole('link', { name: 'Video library' }).click()
      await page.getByText('No completed snapshot yet').waitFor()
      await page.getByRole('link', { name: 'Chat', exact: true }).click()
      await page.getByLabel('Before it all').check()
      if (javaScript) t.same(await accessibilityProblems(page), [])
      await page.getByRole('button', { name: 'Go on' }).click()

      await page.getByLabel('Merge').check()
      await page.getByLabel('Certain records').check()
      await page.getByLabel('Keys').fill(String(first))
      await page.getByLabel('Find records in the snapshot').fill(String(second))
      await page.getByRole('button', { name: 'Find in the snapshot' }).click()
      await page.locator('#found').waitFor()
      t.ok(await page.getByLabel('Merge').isChecked(), 'what was chosen is kept')
      t.equal(await page.getByLabel('Keys').inputValue(), String(first))
      if (javaScript) t.same(await accessibilityProblems(page), [])
      await page.locator(`#found input[value="${second}"]`).check()
      await page.getByRole('button', { name: 'Show the plan' }).click()
      await page.getByRole('heading', { name: 'What would happen' }).waitFor()
      t.match(await page.locator('h1').textContent(), '2 records')

      await page.getByLabel('Table').selectOption('chat.messages')
      await page.getByRole('button', { name: 'Filter' }).click()
      await page.waitForURL('**table=chat.messages*')
      t.notMatch(await page.locator('.change').allTextContents(), /of chat\.sessions/)
      t.match(await page.locator('.change').first().textContent(), /of chat\.messages/)
      await page.getByLabel('Type chat to confirm').fill('chat')
      await page.getByRole('button', { name: 'Apply the plan' }).click()
      await page.getByRole('heading', { name: 'Done, and proven' }).waitFor()
      const url = page.url()
      await page.getByRole('button', { name: 'Plan the undo' }).click()
      await page.getByText('Takes back').waitFor()
      await page.getByLabel('Type chat to confirm').fill('chat')
      await page.getByRole('button', { name: 'Apply the plan' }).click()
      await page.getByRole('heading', { name: 'Done, and proven' }).waitFor()
      await page.goto(url)
      t.match(
        await page.getByRole('region', { name: 'Taken back' }).textContent(),
        /0 records created, 0 changed, 2 deleted.*Completed/s,
        'what an undo of it did',
      )
      t.same(seen, [])
    },
  )
}

t.test('a plan that is given up is not applied, and keys that the snapshot lacks are named', async (t) => {
  const page = await browser.open({ as: 'operator' })
  await page.goto(`/restores/new?snapshot=${snapshot.id}&keys=99999999`)
  await page.getByRole('button', { name: 'Show the plan' }).click()
  await page.locator('#errors').waitFor()
  t.match(await page.locator('#errors').textContent(), 'is not in the snapshot')
  t.equal(await page.getByLabel('Keys').inputValue(), '99999999')
  await page.getByLabel('All that the snapshot holds').check()
  await page.getByRole('button', { name: 'Show the plan' }).click()
  await page.getByRole('button', { name: 'Give this plan up' }).click()
  await page.getByRole('button', { name: 'Plan it anew' }).click()
  await page.getByRole('heading', { name: 'What would happen' }).waitFor()
  await page.getByRole('link', { name: 'Choose otherwise' }).click()
  await page.getByRole('heading', { name: 'Restore', level: 1 }).waitFor()
})
