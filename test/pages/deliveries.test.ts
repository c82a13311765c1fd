import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { deliveryService, snapshotOf } from '../deliveries/service.ts'
import { accessibilityProblems, overflow, startBrowser } from '../support/browser.ts'
import { sql } from '../support/postgres.ts'

const service = await deliveryService(t)
const browser = await startBrowser(t, service.app)
const { graph, sessions } = service
await snapshotOf(service, sessions)
graph.tokens.add('fresh-token')

for (const [index, javaScript] of [true, false].entries()) {
  t.test(
    `files go to OneDrive, past a token that expired, ${javaScript ? 'with' : 'without'} JavaScript`,
    async (t) => {
      const page = await browser.open({ as: 'operator', javaScript })
      await page.goto(`/deliveries/new?dataset=legacy-import&keys=${sessions[index]}`)
      await page.getByLabel('OneDrive').check()
      t.notOk(
        await page.getByLabel('Folder', { exact: true }).isVisible(),
        'other kinds’ fields are out of the way',
      )
      await page.getByLabel('Access token').fill('an-expired-token')
      await page.getByLabel('Folder in the drive').fill(`../up`)
      await page.getByRole('button', { name: 'Deliver files' }).click()
      await page.getByRole('alert').getByRole('link', { name: 'Folder in the drive' }).waitFor()
      const typed = await page.getByLabel('Access token').inputValue()
      if (!javaScript) t.equal(typed, '', 'the token is not sent back')
      t.equal(await page.getByLabel('Keys').inputValue(), sessions[index], 'all else that was typed is')
      await page.getByLabel('Access token').fill('an-expired-token')
      await page.getByLabel('Folder in the drive').fill(`Firm ${javaScript}`)
      await page.getByRole('button', { name: 'Deliver files' }).click()
      await page.getByText('has expired or was revoked').waitFor()
      if (javaScript) t.same(await accessibilityProblems(page), [])
      await page.getByLabel('New access token').fill('fresh-token')
      await page.getByRole('button', { name: 'Go on with this token' }).click()
      await page.getByText('All files are delivered').waitFor()
      t.ok(await page.getByText('They are removed from their store').isVisible())
      t.notMatch(await page.content(), /an-expired-token|fresh-token/)
      await page.getByRole('link', { name: 'Delivered files' }).click()
      await page.getByRole('heading', { name: 'Delivered files' }).waitFor()
      t.equal(await page.locator('tbody tr').count(), 24)
      if (javaScript) t.same(await accessibilityProblems(page), [])
      t.ok((await overflow(page)) <= 0)
    },
  )
}

t.test('what failed says why, is tried again, and what is left can be given up', async (t) => {
  const [document] = await sql(
    service.source,
    'SELECT storage_key AS key FROM legacy_import.documents WHERE session_id = $1 LIMIT 1',
    [sessions[2]],
  )
  await rm(join(service.documents, String(document!['key'])))
  const page = await browser.open({ as: 'operator' })
  await page.goto(`/deliveries/new?dataset=legacy-import&keys=${sessions[2]}`)
  await page.getByLabel('Folder', { exact: true }).fill('firm')
  await page.getByRole('button', { name: 'Deliver files' }).click()
  await page.getByText('1 file failed').waitFor()
  // Of the originals it tells when the delivery is over.
  await page.getByText('They stay.').waitFor()
  t.same(await accessibilityProblems(page), [])
  await page.getByRole('button', { name: 'Retry these with DELIVERY_ORIGINAL_MISSING' }).click()
  await page.getByText('It goes on.').waitFor()
  await page.getByText('1 file failed').waitFor()

  const expired = { type: 'onedrive', folder: 'Given up' }
  const scope = { keys: [sessions[0]] }
  const wanted = { dataset: 'legacy-import', scope, destination: expired, accessToken: 'no-good' }
  const { body } = await service.call('POST', '/deliveries', wanted, { prefer: 'wait=20' })
  await page.goto(`/deliveries/${body.id}`)
  await page.getByRole('link', { name: 'Cancel' }).click()
  await page.getByLabel('Type legacy-import to confirm').fill('legacy')
  await page.getByRole('button', { name: 'Cancel the delivery' }).click()
  await page.getByRole('alert').waitFor()
  await page.getByLabel('Type legacy-import to confirm').fill('legacy-import')
  await page.getByRole('button', { name: 'Cancel the delivery' }).click()
  await page.getByText('The delivery is given up').waitFor()
  t.match((await service.call('GET', `/deliveries/${body.id}`)).body, { status: 'cancelled' })
})
