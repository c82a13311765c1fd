import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import t from 'tap'
import { testApp } from '../support/app.ts'
import { accessibilityProblems, complaints, overflow, startBrowser, type Theme } from '../support/browser.ts'

const app = await testApp(t)
const browser = await startBrowser(t, app)

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

t.test('everything a page loads besides itself is under 60 kB, compressed as it is sent', async (t) => {
  const page = await browser.open()
  const sizes: Promise<number>[] = []
  page.on('requestfinished', (request) => {
    if (!/\.(js|css)$/.test(request.url())) return
    sizes.push(request.sizes().then(({ responseBodySize }) => responseBodySize))
  })
  await page.goto('/problems', { waitUntil: 'load' })
  const together = (await Promise.all(sizes)).reduce((a, b) => a + b, 0)
  t.equal(sizes.length, 4)
  t.ok(together < 60_000, `${together} bytes`)
  t.comment(`${together} bytes`)
})

t.test(
  'styles and scripts are compressed as the browser wants, whole ones only, and nothing else is',
  async (t) => {
    const { body } = await app.inject({ url: '/problems', headers: { accept: 'text/html' } })
    const url = /href="([^"]+app\.css)"/.exec(body)![1]!
    const ask = (headers: Record<string, string>, method: 'GET' | 'HEAD' = 'GET') =>
      app.inject({ url, method, headers })
    const plain = await ask({})
    t.equal(plain.headers['content-encoding'], undefined)
    t.equal(plain.headers['vary'], 'accept-encoding')
    for (const [accepted, encoding, decode] of [
      ['gzip, deflate, br, zstd', 'br', brotliDecompressSync],
      ['gzip', 'gzip', gunzipSync],
    ] as const) {
      for (const _again of [1, 2]) {
        const answer = await ask({ 'accept-encoding': accepted })
        t.equal(answer.headers['content-encoding'], encoding)
        t.equal(Number(answer.headers['content-length']), answer.rawPayload.length)
        t.ok(answer.rawPayload.length < plain.rawPayload.length / 3)
        t.equal(decode(answer.rawPayload).toString(), plain.body)
      }
    }
    const head = await ask({ 'accept-encoding': 'br' }, 'HEAD')
    t.match(head, { statusCode: 200, rawPayload: { length: 0 }, headers: { 'content-encoding': 'br' } })
    const part = await ask({ 'accept-encoding': 'br', range: 'bytes=0-9' })
    t.match(part, { statusCode: 206, body: plain.body.slice(0, 10) })
    t.equal(part.headers['content-encoding'], undefined)
    const known = await ask({ 'accept-encoding': 'br', 'if-none-match': String(plain.headers['etag']) })
    t.equal(known.statusCode, 304)
    const other = await app.inject({
      url: '/problems',
      headers: { accept: 'text/html', 'accept-encoding': 'br' },
    })
    t.equal(other.headers['content-encoding'], undefined, 'pages are not')
  },
)

t.test(
  'keys filter, go and explain; nothing happens while somebody types, and they can be switched off',
  async (t) => {
    const page = await browser.open({ as: 'viewer' })
    const focus = () => page.evaluate<string>('document.activeElement.id || document.activeElement.tagName')
    await page.goto('/problems')
    await page.keyboard.press('/')
    t.equal(await focus(), 'find', 'where nothing can be filtered it finds by id')
    await page.keyboard.type('?gs')
    t.equal(await page.locator('#find').inputValue(), '?gs', 'typed, not obeyed')
    t.notOk(await page.locator('#keys').isVisible())

    await page.getByRole('link', { name: 'Error codes' }).focus()
    await page.keyboard.press('Control+g')
    await page.keyboard.press('s')
    await page.keyboard.press('?')
    const dialog = page.getByRole('dialog', { name: 'Keyboard' })
    await dialog.waitFor()
    t.match(await dialog.textContent(), /g a\s*Audit log/)
    t.notMatch(await dialog.textContent(), /Tokens/, 'only what one may see')
    t.same(await accessibilityProblems(page), [])
    await page.keyboard.press('g')
    await page.keyboard.press('a')
    await page.keyboard.press('Escape')
    t.equal(new URL(page.url()).pathname, '/problems', 'keys go nowhere behind the dialog')
    t.equal(await page.evaluate('document.activeElement.textContent'), 'Error codes', 'the focus is back')

    await page.keyboard.press('g')
    await page.keyboard.press('a')
    await page.getByRole('heading', { name: 'Audit log' }).waitFor()
    await page.keyboard.press('/')
    t.equal(await page.evaluate('document.activeElement.closest(".filters") !== null'), true)

    await page.goto('/problems')
    await page.getByRole('link', { name: 'Keyboard' }).click()
    await page.getByRole('button', { name: 'Switch them off' }).click()
    await page.locator('body[data-keys=off]').waitFor()
    t.equal(new URL(page.url()).pathname, '/problems')
    await page.keyboard.press('?')
    await page.keyboard.press('/')
    t.notOk(await page.locator('#keys').isVisible())
    t.not(await focus(), 'find')
  },
)

t.test('the keys are listed, and switched off, without JavaScript too', async (t) => {
  const page = await browser.open({ as: 'viewer', javaScript: false })
  await page.goto('/problems')
  await page.getByRole('link', { name: 'Keyboard' }).click()
  t.match(await page.getByRole('main').textContent(), /g s\s*Snapshots/)
  await page.getByRole('main').getByRole('button', { name: 'Switch them off' }).click()
  t.match(await page.getByRole('main').textContent(), /Single keys are off/)
  await page.getByRole('main').getByRole('button', { name: 'Switch them on' }).click()
  t.match(await page.getByRole('main').textContent(), /Single keys are on/)
})

t.test('no two places have the same letter', async (t) => {
  const page = await browser.open({ as: 'admin' })
  await page.goto('/problems')
  const links = page.locator('.side nav a')
  const letters = await Promise.all((await links.all()).map((link) => link.getAttribute('data-key')))
  t.equal(new Set(letters).size, letters.length)
  t.notOk(letters.includes(null), 'each has one')
})

t.test('a click on a short id copies the whole, and says so', async (t) => {
  const page = await browser.open({ as: 'viewer' })
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  const answer = await page.goto('/nowhere')
  await page.getByRole('main').getByRole('button', { name: 'Copy' }).click()
  await page.getByRole('status').filter({ hasText: 'Copied' }).waitFor()
  t.equal(await page.evaluate('navigator.clipboard.readText()'), answer!.headers()['x-request-id'])
})
