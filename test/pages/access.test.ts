import { readFile } from 'node:fs/promises'
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

for (const javaScript of [false, true]) {
  const words = javaScript ? 'with' : 'without'
  const name = javaScript ? 'Zoe' : 'Ben'

  t.test(`a user is made, changed, found and downloaded, ${words} JavaScript`, async (t) => {
    const page = await browser.open({ javaScript, as: 'admin' })
    const seen = complaints(page)
    await page.goto('/users')
    if (javaScript) await page.evaluate('window.sameDocument = true')
    await page.getByRole('link', { name: 'New user' }).click()
    await page.getByRole('heading', { name: 'New user', level: 1 }).waitFor()
    await page.getByLabel('Email').fill(`${name}@example.com`)
    await page.getByLabel('Name', { exact: true }).fill(name)
    await page.getByLabel('Password').fill(password)
    await page.getByRole('button', { name: 'Make user' }).click()
    await page.getByRole('heading', { name, level: 1 }).waitFor()
    await page.getByLabel('Role').selectOption('operator')
    await page.getByRole('button', { name: 'Change role' }).click()
    await page.getByText('The role is changed.').waitFor()
    t.match(await page.locator('.about').textContent(), /operator/)

    await page.getByRole('navigation').getByRole('link', { name: 'Users' }).click()
    await page.getByRole('heading', { name: 'Users', level: 1 }).waitFor()
    await page.getByRole('link', { name: 'Email', exact: true }).click()
    await page.locator('th[aria-sort=ascending]', { hasText: 'Email' }).waitFor()
    const emails = await page.locator('td[data-label=Email]').allTextContents()
    t.same(emails, emails.toSorted())
    await page.getByLabel('Name or email').fill(name.toUpperCase())
    await page.getByRole('button', { name: 'Filter' }).click()
    await page.getByText('1 in all').waitFor()
    t.equal(new URL(page.url()).searchParams.get('sort'), 'email', 'filtering keeps the order')
    if (javaScript) t.ok(await page.evaluate('window.sameDocument'), 'nothing was loaded anew')
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: /^CSV/ }).click(),
    ])
    t.match(download.suggestedFilename(), /^holdfast-users-/)
    const lines = (await readFile(await download.path(), 'utf8')).trim().split('\r\n')
    t.equal(lines.length, 2, 'a heading, and who matches')
    t.match(lines[1], `,${name.toLowerCase()}@example.com,${name},operator,`)
    t.same(seen, [])
  })

  t.test(`a token is shown once, and revoked, ${words} JavaScript`, async (t) => {
    const page = await browser.open({ javaScript, as: 'admin' })
    const seen = complaints(page)
    await page.goto('/tokens/new')
    await page.getByLabel('Name', { exact: true }).fill(`sync of ${name}`)
    await page.getByRole('button', { name: 'Make token' }).click()
    await page.getByRole('heading', { name: 'This is the token' }).waitFor()
    t.match(await page.locator('.notice.good').textContent(), /hf_[\w-]{43}/)
    await page.reload()
    await page.getByRole('heading', { name: `sync of ${name}`, level: 1 }).waitFor()
    t.equal(await page.getByText('This is the token').count(), 0)
    t.notMatch(await page.content(), /hf_[\w-]{43}/)
    await page.getByRole('button', { name: 'Revoke' }).click()
    await page.getByText('Revoked: whoever shows it').waitFor()
    t.equal(await page.getByRole('button', { name: 'Revoke' }).count(), 0)
    t.same(seen, [])
  })
}

t.test('notices are narrowed down, and a channel that nobody configured says so', async (t) => {
  for (const javaScript of [false, true]) {
    const page = await browser.open({ javaScript, as: 'admin' })
    await page.goto('/notifications')
    await page.getByLabel('Channel').selectOption('email')
    await page.getByRole('button', { name: 'Filter' }).click()
    await page.getByText('No notice matches').waitFor()
    await page.goto('/notifications/tests/new')
    t.ok(await page.getByText('No channel yet').isVisible())
    await page.getByLabel('Channel').selectOption('email')
    await page.getByRole('button', { name: 'Send a test' }).click()
    await page.getByText('The channel is not configured').waitFor()
    t.equal(await page.getByLabel('Channel').inputValue(), 'email', 'what was chosen is kept')
  }
})

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
