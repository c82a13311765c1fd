import { gzipSync } from 'node:zlib'
import t from 'tap'
import { testApp } from '../support/app.ts'
import { accessibilityProblems, complaints, overflow, startBrowser, type Theme } from '../support/browser.ts'

const browser = await startBrowser(t, await testApp(t))

t.test('the colours follow the system, and a choice that is kept, without JavaScript', async (t) => {
  const page = await browser.open({ javaScript: false, theme: 'light' })
  const background = async () =>
    page.evaluate<string>('getComputedStyle(document.documentElement).backgroundColor')
  await page.goto('/problems/NOT_FOUND')
  const light = await background()
  await page.getByRole('button', { name: 'Dark' }).click()
  t.equal(new URL(page.url()).pathname, '/problems/NOT_FOUND', 'leads back to the page')
  t.not(await background(), light)
  await page.goto('/problems')
  t.not(await background(), light, 'is kept')
  await page.getByRole('button', { name: 'As the system' }).click()
  t.equal(await background(), light)
})

t.test('with JavaScript the colours change in place', async (t) => {
  const page = await browser.open()
  await page.goto('/problems')
  await page.evaluate('window.sameDocument = true')
  await page.getByRole('button', { name: 'Dark' }).click()
  await page.locator('body[data-theme=dark]').waitFor()
  t.ok(await page.evaluate('window.sameDocument'))
  t.equal(await page.getByRole('button', { name: 'Dark' }).getAttribute('aria-pressed'), 'true')
})

t.test(
  'a link changes the page without loading it anew, names it, moves the focus, and Back undoes it',
  async (t) => {
    const page = await browser.open()
    const seen = complaints(page)
    await page.goto('/problems')
    await page.evaluate('window.sameDocument = true')
    await page.getByRole('link', { name: 'NOT_FOUND', exact: true }).click()
    await page.waitForURL('**/problems/NOT_FOUND')
    t.ok(await page.evaluate('window.sameDocument'))
    t.equal(await page.title(), 'NOT_FOUND · Holdfast')
    t.equal(await page.evaluate('document.activeElement.tagName'), 'H1')
    t.equal(await page.evaluate('scrollY'), 0)
    await page.goBack()
    await page.getByRole('heading', { name: 'Error codes' }).waitFor()
    t.equal(await page.title(), 'Error codes · Holdfast')
    t.ok(await page.evaluate('window.sameDocument'))
    t.same(seen, [], 'nothing that the content security policy or the browser complains about')
  },
)

t.test('the keyboard reaches the content first, and sees where it is', async (t) => {
  const page = await browser.open({ javaScript: false })
  await page.goto('/problems')
  await page.keyboard.press('Tab')
  t.equal(await page.evaluate('document.activeElement.textContent'), 'Skip to the content')
  t.ok(
    await page.evaluate('document.activeElement.getBoundingClientRect().top >= 0'),
    'shows when it has the focus',
  )
  await page.keyboard.press('Enter')
  t.equal(new URL(page.url()).hash, '#main')
})

t.test('on a phone the navigation is a menu, without JavaScript too', async (t) => {
  for (const javaScript of [false, true]) {
    const page = await browser.open({ javaScript, width: 320, as: 'viewer' })
    await page.goto('/problems')
    const themes = page.getByRole('button', { name: 'Dark' })
    t.notOk(await themes.isVisible())
    await page.getByRole('button', { name: 'Menu' }).click()
    t.ok(await themes.isVisible())
    await page.keyboard.press('Escape')
    t.notOk(await themes.isVisible())
  }
})

t.test('an unknown address is explained, with the request id, and changes nothing else', async (t) => {
  const page = await browser.open()
  const answer = await page.goto('/nowhere')
  t.equal(answer?.status(), 404)
  t.match(await page.locator('main').textContent(), /What you can do/)
  t.match(await page.locator('main').textContent(), answer!.headers()['x-request-id']!)
})

for (const theme of ['light', 'dark'] as Theme[]) {
  for (const width of [1280, 320]) {
    t.test(`accessible and not too wide: ${theme}, ${width} px`, async (t) => {
      const page = await browser.open({ theme, width })
      for (const path of ['/problems', '/problems/NOT_FOUND', '/nowhere']) {
        await page.goto(path)
        t.same(await accessibilityProblems(page), [], path)
        t.ok((await overflow(page)) <= 0, `${path} fits`)
      }
    })
  }
}

t.test('everything a page loads besides itself is under 60 kB compressed', async (t) => {
  const page = await browser.open()
  const bodies: Promise<Buffer>[] = []
  page.on('response', (response) => {
    if (/\.(js|css)$/.test(response.url())) bodies.push(response.body())
  })
  await page.goto('/problems', { waitUntil: 'load' })
  const sizes = (await Promise.all(bodies)).map((body) => gzipSync(body).length)
  const together = sizes.reduce((a, b) => a + b, 0)
  t.equal(sizes.length, 4)
  t.ok(together < 60_000, `${together} bytes`)
})
