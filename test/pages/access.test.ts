import t from 'tap'
import { testApp } from '../support/app.ts'
import { accessibilityProblems, complaints, overflow, startBrowser, type Theme } from '../support/browser.ts'
import { password, person } from '../support/people.ts'

const app = await testApp(t)
const browser = await startBrowser(t, app)
const setup = await app.setupUrl(browser.address)
await person(app, 'ann', 'admin')

for (const javaScript of [false, true]) {
  t.test(`signing in and out, ${javaScript ? 'with' : 'without'} JavaScript`, async (t) => {
    const page = await browser.open({ javaScript })
    const seen = complaints(page)
    await page.goto('/audit?action=session.started')
    t.equal(new URL(page.url()).pathname, '/sign-in', 'first one signs in')

    await page.getByLabel('Email').fill('ann@example.com')
    await page.getByLabel('Password').fill('not the password at all')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.locator('#errors').waitFor()
    t.equal(await page.getByLabel('Email').inputValue(), 'ann@example.com', 'what was typed is kept')
    t.equal(await page.getByLabel('Password').inputValue(), '', 'but no password')
    t.equal(await page.evaluate('document.activeElement.id'), 'errors', 'the summary has the focus')

    await page.getByLabel('Password').fill(password)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.waitForURL('**/audit?action=session.started')
    t.match(await page.locator('.user').textContent(), /ann.*admin/s, 'says who is signed in')

    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByText('You are signed out.').waitFor()
    await page.goto('/audit')
    t.equal(new URL(page.url()).pathname, '/sign-in')
    t.same(
      seen.filter((text) => !/40[13]/.test(text)),
      [],
    )
  })
}

t.test('a lost session asks to sign in, and leads back to the page', async (t) => {
  const page = await browser.open({ as: 'viewer' })
  await page.goto('/problems')
  await page.context().clearCookies()
  await page.getByRole('link', { name: 'Audit log' }).click()
  await page.waitForURL('**/sign-in**')
  await page.getByLabel('Email').fill('ann@example.com')
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('heading', { name: /Audit log|Error codes/ }).waitFor()
  t.notMatch(page.url(), /sign-in/)
})

t.test('whoever may not see something is told so, and nothing links there', async (t) => {
  const page = await browser.open({ as: 'operator' })
  const answer = await page.goto('/audit')
  t.equal(answer?.status(), 403)
  t.match(await page.locator('main').textContent(), /Your role, operator, does not have/)
  t.equal(await page.getByRole('link', { name: 'Audit log' }).count(), 0)
})

for (const theme of ['light', 'dark'] as Theme[]) {
  t.test(`accessible and not too wide: ${theme}`, async (t) => {
    for (const width of [1280, 320]) {
      const page = await browser.open({ theme, width })
      for (const path of ['/sign-in', setup!]) {
        await page.goto(path)
        t.same(await accessibilityProblems(page), [], `${path}, ${width} px`)
        t.ok((await overflow(page)) <= 0, `${path} fits ${width} px`)
      }
    }
  })
}
