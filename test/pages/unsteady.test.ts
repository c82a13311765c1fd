import type { Page } from 'playwright-core'
import t from 'tap'
import { snapshotService, take } from '../snapshots/service.ts'
import { accessibilityProblems, complaints, startBrowser } from '../support/browser.ts'
import { password } from '../support/people.ts'
import { sql } from '../support/postgres.ts'

const service = await snapshotService(t)
const browser = await startBrowser(t, service.app)

const count = async (title: string) =>
  (await sql(service.app.config.databaseUrl!, 'SELECT FROM snapshots WHERE title = $1', [title])).length

const takeButton = (page: Page) => page.getByRole('main').getByRole('button', { name: 'Take snapshot' })

async function fillIn(page: Page, title: string): Promise<void> {
  await page.goto('/snapshots/new?dataset=legacy-import')
  await page.getByLabel('Title').fill(title)
}

async function signIn(page: Page): Promise<void> {
  await page.getByLabel('Email').fill('operator@example.com')
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL((url) => !url.pathname.startsWith('/sign-in'))
}

for (const javaScript of [true, false]) {
  const how = javaScript ? 'with' : 'without'

  t.test(`a double click does it once, ${how} JavaScript`, async (t) => {
    const page = await browser.open({ as: 'operator', javaScript })
    await fillIn(page, `twice ${how}`)
    await takeButton(page).dblclick()
    await page.getByRole('heading', { name: 'Is it good?' }).waitFor()
    t.equal(await count(`twice ${how}`), 1)
  })

  t.test(`Back after a form leads to the form and does nothing, ${how} JavaScript`, async (t) => {
    const page = await browser.open({ as: 'operator', javaScript })
    await fillIn(page, `back ${how}`)
    await takeButton(page).click()
    await page.getByRole('heading', { name: 'Is it good?' }).waitFor()
    await page.goBack()
    await takeButton(page).waitFor()
    t.equal(new URL(page.url()).pathname, '/snapshots/new')
    await page.reload()
    t.equal(await count(`back ${how}`), 1)
  })

  t.test(`two people edit: the second is told, and loses nothing, ${how} JavaScript`, async (t) => {
    const { id } = await take(service, { dataset: 'legacy-import', title: 'as it was' })
    const [first, second] = [
      await browser.open({ as: 'admin', javaScript: false }),
      await browser.open({ as: 'operator', javaScript }),
    ]
    for (const page of [first, second]) {
      await page.goto(`/snapshots/${id}`)
      await page.getByText('Change title, note or expiry').click()
    }
    await first.getByLabel('Title').fill('by the first')
    await first.getByRole('button', { name: 'Save' }).click()
    await first.getByText('Saved.').waitFor()

    await second.getByLabel('Note').fill('long and well considered')
    await second.getByRole('button', { name: 'Save' }).click()
    await second.locator('#errors').waitFor()
    t.match(await second.locator('#errors').textContent(), /in the meantime.*Title is now “by the first”/s)
    t.equal(
      await second.getByLabel('Note').inputValue(),
      'long and well considered',
      'what was typed is kept',
    )
    if (javaScript) t.same(await accessibilityProblems(second), [])
    t.match((await service.call('GET', `/snapshots/${id}`)).body, { title: 'by the first', note: null })

    await second.getByLabel('Title').fill('by both')
    await second.getByRole('button', { name: 'Save' }).click()
    await second.getByText('Saved.').waitFor()
    const { body } = await service.call('GET', `/snapshots/${id}`)
    t.match(body, { title: 'by both', note: 'long and well considered' }, 'a second time is meant')
  })

  t.test(
    `a form of something that is gone says so and shows what was typed, ${how} JavaScript`,
    async (t) => {
      const { id } = await take(service, { dataset: 'legacy-import' })
      const page = await browser.open({ as: 'operator', javaScript })
      await page.goto(`/snapshots/${id}`)
      await page.getByText('Change title, note or expiry').click()
      await page.getByLabel('Note').fill('written in vain')
      t.equal((await service.call('DELETE', `/snapshots/${id}`)).status, 204)
      await page.getByRole('button', { name: 'Save' }).click()
      await page.getByRole('heading', { name: 'What you can do' }).waitFor()
      t.match(await page.getByRole('main').textContent(), /What you had typed.*written in vain/s)
      if (javaScript) t.same(await accessibilityProblems(page), [])
    },
  )
}

t.test('a form on its way is busy, and is free again when it comes back', async (t) => {
  const page = await browser.open({ as: 'operator' })
  await fillIn(page, 'busy')
  await page.getByLabel('A period').check()
  await page.getByLabel('From').fill('2026-02-01')
  await page.getByLabel('Up to, not including').fill('2026-01-01')
  const arrived = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  await page.route('**/snapshots', async (route) => {
    arrived.resolve()
    await released.promise
    await route.continue()
  })
  await takeButton(page).click()
  await arrived.promise
  const form = page.locator('main form[method=post]')
  t.equal(await form.getAttribute('aria-busy'), 'true')
  released.resolve()
  await page.locator('#errors').waitFor()
  await page.locator('main form[method=post]:not([aria-busy])').waitFor()
  t.equal(await page.getByLabel('Title').inputValue(), 'busy')
})

t.test('signed out in the meantime: told so, what was typed is kept, and it can be sent again', async (t) => {
  const page = await browser.open({ as: 'operator' })
  const seen = complaints(page)
  await fillIn(page, 'outlives the session')
  await page.context().clearCookies()
  await takeButton(page).click()
  const dialog = page.getByRole('dialog', { name: 'You are signed out' })
  await dialog.waitFor()
  t.same(await accessibilityProblems(page), [])
  const elsewhere = page.context().waitForEvent('page')
  await dialog.getByRole('link', { name: 'Sign in' }).click()
  await signIn(await elsewhere)
  t.equal(new URL((await elsewhere).url()).pathname, '/snapshots/new', 'signing in leads to the same page')
  await dialog.getByRole('button', { name: 'Back to the page' }).click()
  t.equal(await page.getByLabel('Title').inputValue(), 'outlives the session')
  t.equal(await count('outlives the session'), 0)
  await takeButton(page).click()
  await page.getByRole('heading', { name: 'Is it good?' }).waitFor()
  t.equal(await count('outlives the session'), 1)
  t.same(
    seen.filter((text) => !/401/.test(text)),
    [],
  )
})

t.test('the same without JavaScript: the browser keeps what was typed', async (t) => {
  const page = await browser.open({ as: 'operator', javaScript: false })
  await fillIn(page, 'outlives it too')
  await page.context().clearCookies()
  await takeButton(page).click()
  t.match(
    await page.getByRole('main').textContent(),
    /Nothing was done. What you typed is still on the page before/,
  )
  await page.getByRole('main').getByRole('link', { name: 'Sign in' }).click()
  await signIn(page)
  t.equal(new URL(page.url()).pathname, '/snapshots/new', 'leads back to the form')
  t.equal(await count('outlives it too'), 0)
})

t.test('a part that the page fetches by itself does not lead away from what is being typed', async (t) => {
  const page = await browser.open({ as: 'operator' })
  await page.goto('/snapshots/new?dataset=legacy-import')
  await page.context().clearCookies()
  await page.getByLabel('Title').fill('half a title')
  await page.getByLabel('One month', { exact: true }).check()
  const dialog = page.getByRole('dialog', { name: 'You are signed out' })
  await dialog.waitFor()
  await dialog.getByRole('button', { name: 'Back to the page' }).click()
  t.equal(await page.getByLabel('Title').inputValue(), 'half a title')
  t.equal(new URL(page.url()).pathname, '/snapshots/new')
})

t.test('a link to a page leads there again after signing in', async (t) => {
  const page = await browser.open({ as: 'operator' })
  await page.goto('/snapshots')
  await page.context().clearCookies()
  await page.getByRole('link', { name: 'Datasets' }).click()
  await signIn(page)
  t.match(new URL(page.url()).pathname, /^\/(datasets|snapshots)$/)
})
