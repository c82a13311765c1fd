import type { FastifyInstance } from 'fastify'
import t from 'tap'
import Type from 'typebox'
import { Problem } from '../../src/platform/errors.ts'
import { testApp } from '../support/app.ts'
import { accessibilityProblems, overflow, startBrowser, type Theme } from '../support/browser.ts'

/** One for each status that a page can end with, and what leads on from there. */
const codes: [code: string, wayOn: RegExp][] = [
  ['CREDENTIALS_INVALID', /^Sign in$/],
  ['FORBIDDEN', /^Who may do what$/],
  ['NOT_FOUND', /^Dashboard$/],
  ['CHANGED_MEANWHILE', /^Try again$/],
  ['PRECONDITION_FAILED', /^Try again$/],
  ['IDEMPOTENCY_KEY_REUSED', /^Dashboard$/],
  ['TOO_MANY_REQUESTS', /^Try again in 7\.0 s$/],
  ['INTERNAL', /^Try again$/],
  ['DATABASE_UNREACHABLE', /^Try again$/],
]

async function routes(app: FastifyInstance) {
  const config = { permission: 'dashboard:view' as const }
  const params = Type.Object({ code: Type.String() })
  app.get<{ Params: { code: string } }>('/ends/:code', { config, schema: { params } }, async ({ params }) => {
    const definition = app.problems.get(params.code)!
    const particulars = definition.status === 429 ? { retryAfter: 7 } : {}
    throw new Problem(params.code, definition, 'it went <b>otherwise</b>', particulars)
  })
}

const app = await testApp(t, { routes })
const browser = await startBrowser(t, app)

for (const theme of ['light', 'dark'] as Theme[]) {
  t.test(`every end says what happened, what to do, its request id, and a way on: ${theme}`, async (t) => {
    const page = await browser.open({ as: 'viewer', theme, width: theme === 'light' ? 1280 : 320 })
    for (const [code, wayOn] of codes) {
      const { status, title, hint } = app.problems.get(code)!
      const answer = await page.goto(`/ends/${code}`)
      t.equal(answer?.status(), status, code)
      t.equal(await page.getByRole('heading', { level: 1 }).textContent(), title)
      const main = await page.getByRole('main').textContent()
      for (const words of ['It went <b>otherwise</b>', hint, answer!.headers()['x-request-id']!])
        t.ok(main?.includes(words), `${code} says ${words.slice(0, 40)}`)
      const actions = page.getByRole('main').locator('.actions').getByRole('link')
      t.ok(
        (await actions.allTextContents()).some((words) => wayOn.test(words.trim())),
        `${code} leads on`,
      )
      t.same(await accessibilityProblems(page), [], code)
      t.ok((await overflow(page)) <= 0, `${code} fits`)
    }
  })
}
