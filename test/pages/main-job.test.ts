import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import t from 'tap'
import { snapshotService } from '../snapshots/service.ts'
import { complaints, startBrowser } from '../support/browser.ts'
import { sql } from '../support/postgres.ts'

const evil = '<img src=x onerror=alert(1)>'
const service = await snapshotService(t)
const browser = await startBrowser(t, service.app)

/** With JavaScript nothing may be loaded anew; without, everything is. */
async function sameDocument(page: Page): Promise<boolean> {
  return page.evaluate<boolean>('window.sameDocument === true')
}

async function subjectOf(id: number): Promise<unknown> {
  const [row] = await sql(service.source, 'SELECT subject FROM chat.sessions WHERE id = $1', [id])
  return row?.['subject']
}

async function messagesOf(id: number): Promise<unknown> {
  const [row] = await sql(
    service.source,
    'SELECT count(*)::int AS n FROM chat.messages WHERE session_id = $1',
    [id],
  )
  return row?.['n']
}

for (const javaScript of [true, false]) {
  t.test(`the main job, ${javaScript ? 'with' : 'without'} JavaScript`, async (t) => {
    const page = await browser.open({ javaScript, as: 'admin' })
    const seen = complaints(page)
    const [changed, emptied] = javaScript ? [1, 2] : [3, 4]
    const title = `Before the import ${evil}`
    const [subject, messages] = [await subjectOf(changed), await messagesOf(emptied)]

    await page.goto('/')
    if (javaScript) await page.evaluate('window.sameDocument = true')
    await page.getByRole('link', { name: 'Snapshots', exact: true }).click()
    await page.getByRole('heading', { name: 'Snapshots', level: 1 }).waitFor()
    await page.getByRole('link', { name: 'Take snapshot' }).first().click()
    await page.getByRole('heading', { name: 'Take snapshot', level: 1 }).waitFor()
    await page.getByLabel('Dataset').selectOption('chat')
    await page.getByLabel('Certain records').check()
    await page.getByLabel('Title').fill(title)
    await page.getByRole('main').getByRole('button', { name: 'Take snapshot' }).click()
    await page.locator('#errors').waitFor()
    t.match(await page.locator('#errors').textContent(), /Keys is required/)
    t.equal(await page.getByLabel('Title').inputValue(), title, 'what was typed is kept')
    t.ok(await page.getByLabel('Certain records').isChecked())
    t.equal(await page.evaluate('document.activeElement.id'), 'errors')

    await page.getByLabel('Keys').fill(`${changed}\n${emptied}`)
    await page.getByRole('main').getByRole('button', { name: 'Take snapshot' }).click()
    await page.getByRole('heading', { name: 'Is it good?' }).waitFor()
    t.equal(await page.locator('h1').textContent(), title, 'a name is text')
    const snapshotUrl = page.url()

    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download' }).click(),
    ])
    const bytes = await readFile(await download.path())
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    t.ok(
      await page.getByText(sha256, { exact: true }).isVisible(),
      'the page shows the SHA-256 of the very file',
    )

    await page.getByRole('button', { name: 'Verify now' }).click()
    await page.getByText('Verified: the stored bytes are what was written.').waitFor()
    await page.getByRole('button', { name: 'Put on hold' }).click()
    await page.getByText('The snapshot is on hold.').waitFor()
    t.ok(await page.getByText('Lift the hold first').isVisible(), 'what is held cannot be deleted')
    await page.getByRole('button', { name: 'Lift the hold' }).click()
    await page.getByText('The hold is lifted.').waitFor()

    await page.getByRole('link', { name: 'What changed since' }).click()
    await page.getByText('Nothing differs').waitFor()
    await sql(service.source, `UPDATE chat.sessions SET subject = '${evil}' WHERE id = ${changed}`)
    await sql(service.source, `DELETE FROM chat.messages WHERE session_id = ${emptied}`)
    await page.goto(`${snapshotUrl}/changes`)
    if (javaScript) await page.evaluate('window.sameDocument = true')
    t.match(await page.locator('.after').first().textContent(), evil)
    t.match(await page.locator('.whole').textContent(), `${String(messages)} rows of chat.messages`)

    await page.getByLabel('What happened').selectOption('delete')
    await page.getByRole('button', { name: 'Filter' }).click()
    await page.waitForURL('**kind=delete*')
    t.equal(await page.locator('.after').count(), 0, 'only what was removed')
    t.match(await page.locator('.whole').textContent(), `${String(messages)} rows of chat.messages`)

    await page.getByRole('main').getByRole('link', { name: 'Restore', exact: true }).click()
    await page.getByRole('button', { name: 'Show the plan' }).click()
    await page.getByRole('heading', { name: 'What would happen' }).waitFor()
    const planUrl = page.url()
    t.match(
      await page.locator('.zone').textContent(),
      `creates ${String(messages)} rows, changes 1 and deletes 0`,
    )
    t.equal(await subjectOf(changed), evil, 'a plan changes nothing')

    await page.getByLabel('Type chat to confirm').fill('chart')
    await page.getByRole('button', { name: 'Apply the plan' }).click()
    await page.locator('#errors').waitFor()
    t.equal(await page.getByLabel('Type chat to confirm').inputValue(), 'chart')
    t.equal(await page.evaluate('document.activeElement.id'), 'errors')
    t.equal(await subjectOf(changed), evil, 'nor does a wrong name')
    await page.getByLabel('Type chat to confirm').fill('chat')
    await page.getByRole('button', { name: 'Apply the plan' }).click()
    await page.getByRole('heading', { name: 'Done, and proven' }).waitFor()
    t.equal(page.url(), planUrl)
    t.equal(await subjectOf(changed), subject)
    t.equal(await messagesOf(emptied), messages)

    await page.getByRole('button', { name: 'Plan the undo' }).click()
    await page.getByRole('heading', { name: 'What would happen' }).waitFor()
    await page.getByLabel('Type chat to confirm').fill('chat')
    await page.getByRole('button', { name: 'Apply the plan' }).click()
    await page.getByRole('heading', { name: 'Done, and proven' }).waitFor()
    t.equal(await subjectOf(changed), evil, 'undone')
    if (javaScript) t.ok(await sameDocument(page), 'nothing was loaded anew')

    await page.getByRole('link', { name: 'Restores', exact: true }).first().click()
    await page.waitForURL('**/restores')
    t.ok((await page.locator('tbody tr').count()) >= 2)

    await page.goto(snapshotUrl)
    await page.getByLabel('Type chat to confirm').fill('chat')
    await page.getByRole('button', { name: 'Delete snapshot' }).click()
    await page.getByText('The snapshot is deleted.').waitFor()
    t.equal(new URL(page.url()).search, '?dataset=chat')
    t.equal((await page.goto(snapshotUrl))?.status(), 404)

    await page.goto('/audit?dataset=chat')
    const log = await page.locator('tbody').textContent()
    for (const action of [
      'snapshot.taken',
      'snapshot.verified',
      'snapshot.downloaded',
      'restore.applied',
      'snapshot.deleted',
    ])
      t.match(log, action)
    t.same(
      seen.filter((text) => !/status of 40[04]/.test(text)),
      [],
    )
  })
}

t.test(
  'a restore whose data moved is refused, says what moved, and is planned anew with one click',
  async (t) => {
    const page = await browser.open({ as: 'operator' })
    await page.goto('/snapshots/new?dataset=chat&keys=7')
    await page.getByRole('main').getByRole('button', { name: 'Take snapshot' }).click()
    await page.getByRole('link', { name: 'Restore', exact: true }).click()
    await sql(service.source, `UPDATE chat.sessions SET subject = 'one' WHERE id = 7`)
    await page.getByRole('button', { name: 'Show the plan' }).click()
    await page.getByRole('heading', { name: 'What would happen' }).waitFor()
    await sql(service.source, `UPDATE chat.sessions SET subject = 'two' WHERE id = 7`)
    await page.getByLabel('Type chat to confirm').fill('chat')
    await page.getByRole('button', { name: 'Apply the plan' }).click()
    await page.getByRole('heading', { name: 'The data has moved since the plan was made' }).waitFor()
    t.equal(await subjectOf(7), 'two', 'nothing was changed')
    await page.getByRole('button', { name: 'Plan it anew' }).click()
    await page.getByRole('heading', { name: 'What would happen' }).waitFor()
    t.match(await page.locator('.before').first().textContent(), 'two')
  },
)

t.test('a viewer sees it all and is offered nothing that changes it', async (t) => {
  const page = await browser.open({ as: 'viewer' })
  await page.goto('/restores')
  await page.locator('tbody a').first().click()
  await page.getByRole('heading', { name: /Restore of|Undo in/ }).waitFor()
  t.equal(
    await page
      .getByRole('main')
      .getByRole('button')
      .filter({ hasNotText: /Copy|Filter/ })
      .count(),
    0,
  )
  await page.goto('/snapshots')
  await page.locator('tbody a').first().click()
  await page.getByRole('heading', { name: 'Is it good?' }).waitFor()
  const offered = page.getByRole('main').getByRole('button').filter({ hasNotText: 'Copy' })
  t.equal(await offered.count(), 1)
  t.match(await offered.textContent(), /Verify now/)
})
