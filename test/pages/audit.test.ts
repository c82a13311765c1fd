import t from 'tap'
import { appendAudit } from '../../src/audit/append-audit.ts'
import { testApp } from '../support/app.ts'
import { accessibilityProblems, complaints, overflow, startBrowser, type Theme } from '../support/browser.ts'
import { sql } from '../support/postgres.ts'

const evil = '<img src=x onerror=alert(1)>'
const app = await testApp(t)
const browser = await startBrowser(t, app)
const actor = { type: 'system', id: null, name: evil, role: 'system' } as const
for (let i = 0; i < 120; i++) {
  await app.orm.em.fork().transactional((em) =>
    appendAudit(em, {
      actor,
      action: i % 2 === 0 ? 'snapshot.taken' : 'snapshot.deleted',
      entityType: 'snapshot',
      entityIds: [`0193a5c0-7d2e-7b11-9c1f-${String(i).padStart(12, '0')}`],
      dataset: 'chat',
      metadata: { note: evil },
    }),
  )
}

for (const javaScript of [false, true]) {
  t.test(`filters and pages live in the URL, ${javaScript ? 'with' : 'without'} JavaScript`, async (t) => {
    const page = await browser.open({ as: 'viewer', javaScript })
    const seen = complaints(page)
    await page.goto('/audit')
    if (javaScript) await page.evaluate('window.sameDocument = true')
    await page.getByLabel('Action').fill('snapshot.taken')
    await page.getByRole('button', { name: 'Filter' }).click()
    await page.waitForURL('**/audit?*action=snapshot.taken*')
    t.equal(await page.locator('tbody tr').count(), 50)
    t.equal(await page.getByLabel('Action').inputValue(), 'snapshot.taken')

    await page.getByRole('link', { name: 'Next page' }).click()
    await page.waitForURL('**cursor=*')
    await page.getByText('That is all.').waitFor()
    t.equal(await page.locator('tbody tr').count(), 10)
    t.equal(await page.getByText('snapshot.deleted').count(), 0, 'still filtered')

    await page.goBack()
    await page.getByRole('link', { name: 'Next page' }).waitFor()
    t.equal(await page.getByLabel('Action').inputValue(), 'snapshot.taken', 'Back restores the filter')
    if (javaScript) t.ok(await page.evaluate('window.sameDocument'), 'nothing was loaded anew')

    await page.getByRole('link', { name: 'When' }).click()
    await page.waitForURL('**sort=when*')
    await page.locator('th[aria-sort=ascending]').waitFor()
    t.match(await page.locator('tbody tr').first().textContent(), /000000/, 'the oldest first')
    await page.getByLabel('Action').fill('nothing.like.this')
    await page.getByRole('button', { name: 'Filter' }).click()
    await page.getByText('No entry matches').waitFor()
    await page.getByRole('link', { name: 'Clear the filter' }).click()
    await page.waitForURL('**/audit*')
    t.same(seen, [])
  })
}

t.test('one entry shows all it holds, as text', async (t) => {
  const page = await browser.open({ as: 'admin' })
  await page.goto('/audit?action=snapshot.taken')
  t.match(await page.locator('tbody').textContent(), evil)
  await page.locator('tbody a').first().click()
  await page.getByRole('heading', { name: 'snapshot.taken' }).waitFor()
  t.match(await page.getByLabel('Particulars as JSON').textContent(), JSON.stringify({ note: evil }, null, 2))
  t.equal(await page.locator('main img').count(), 0)
})

t.test('what an entry is about shows its trail, to those who may see the audit log', async (t) => {
  const trail = async (as: 'viewer' | 'operator') => {
    const page = await browser.open({ as })
    await page.goto('/schedules/runs.history')
    return page
  }
  await app.orm.em.fork().transactional(async (em) => {
    const about = { entityType: 'schedule', entityIds: ['runs.history'] }
    for (let i = 0; i < 12; i++) await appendAudit(em, { actor, action: 'schedule.paused', ...about })
  })
  const page = await trail('viewer')
  t.equal(await page.getByRole('table', { name: 'Audit entries about it' }).locator('tbody tr').count(), 10)
  await page.getByRole('link', { name: 'All entries' }).click()
  await page.waitForURL('**/audit?entityType=schedule&entityId=runs.history')
  t.equal(await page.locator('tbody tr').count(), 12)
  const without = await trail('operator')
  t.equal(await without.getByText('Audit trail').count(), 0)
})

t.test('times are in the zone of whoever reads; UTC stands in the title', async (t) => {
  const withScript = await browser.open({ as: 'admin' })
  await withScript.goto('/audit')
  const time = withScript.locator('tbody time').first()
  t.match(await time.textContent(), /GMT\+8|MYT/)
  t.match(await time.getAttribute('title'), / UTC$/)
  const without = await browser.open({ as: 'admin', javaScript: false })
  await without.goto('/audit')
  t.match(await without.locator('tbody time').first().textContent(), / UTC$/)
})

t.test('long codes copy with one click', async (t) => {
  const page = await browser.open({ as: 'admin' })
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await page.goto('/audit?action=snapshot.taken')
  await page.locator('tbody a').first().click()
  await page.getByRole('heading', { name: 'snapshot.taken' }).waitFor()
  const row = page.locator('dd', { has: page.locator('.full') }).last()
  await row.getByRole('button').click()
  t.equal(await page.evaluate('navigator.clipboard.readText()'), await row.locator('code').textContent())
})

for (const theme of ['light', 'dark'] as Theme[]) {
  t.test(`accessible and not too wide: ${theme}`, async (t) => {
    for (const width of [1280, 320]) {
      const page = await browser.open({ as: 'admin', theme, width })
      await page.goto('/audit')
      const entry = await page.locator('tbody a').first().getAttribute('href')
      for (const path of ['/audit', '/audit?actor=nobody', '/audit/verification', entry!]) {
        await page.goto(path)
        t.same(await accessibilityProblems(page), [], `${path}, ${width} px`)
        t.ok((await overflow(page)) <= 0, `${path} fits ${width} px`)
      }
    }
  })
}

t.test('the chain is checked, and a break is named', async (t) => {
  const page = await browser.open({ as: 'admin' })
  await page.goto('/audit')
  await page.getByRole('link', { name: 'Verify the chain' }).click()
  await page.getByRole('button', { name: 'Verify the chain' }).click()
  await page.getByRole('heading', { name: 'The chain is whole' }).waitFor()
  await sql(
    app.config.databaseUrl!,
    `ALTER TABLE audit_entries DISABLE TRIGGER ALL; UPDATE audit_entries SET action = 'nothing.happened' WHERE seq = 5`,
  )
  await page.getByRole('button', { name: 'Verify again' }).click()
  await page.getByRole('heading', { name: 'The chain is broken' }).waitFor()
  t.match(await page.locator('main').textContent(), /First bad entry\s*5, edited/)
  t.same(await accessibilityProblems(page), [])
})
