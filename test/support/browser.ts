import type { AddressInfo } from 'node:net'
import axe from '@axe-core/playwright'
import chromium from '@sparticuz/chromium'
import type { FastifyInstance } from 'fastify'
import { chromium as playwright, type Page } from 'playwright-core'
import type { Test } from 'tap'
import type { Role } from '../../src/audit/actor.ts'
import { browse, person } from './people.ts'

export type Theme = 'light' | 'dark'

export interface PageOptions {
  /** Default true. */
  javaScript?: boolean
  /** In CSS pixels; default 1280. */
  width?: number
  theme?: Theme
  /** Signed in as a user of this role. */
  as?: Role
}

export interface TestBrowser {
  /** A page with cookies of its own, at the service's address: `goto('/snapshots')` works. */
  open(options?: PageOptions): Promise<Page>
  /** Where the service listens, without a slash at its end. */
  address: string
}

/**
 * Starts the service on a free port and a headless Chromium for it; both end with the test. The Chromium comes in an npm
 * package. Its sandbox is off because it can't start as root with one; it sees nothing but our own pages.
 */
export async function startBrowser(t: Test, app: FastifyInstance): Promise<TestBrowser> {
  await app.listen({ host: '127.0.0.1', port: 0 })
  const address = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  const browser = await playwright.launch({
    executablePath: await chromium.executablePath(),
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
  t.teardown(async () => {
    await browser.close()
    await app.close()
  })

  const sessions = new Map<Role, Promise<string>>()

  async function session(role: Role): Promise<string> {
    await person(app, role, role)
    return (await browse(app, role)).cookie
  }

  async function open({
    javaScript = true,
    width = 1280,
    theme = 'light',
    as,
  }: PageOptions = {}): Promise<Page> {
    const context = await browser.newContext({
      baseURL: address,
      javaScriptEnabled: javaScript,
      viewport: { width, height: 800 },
      colorScheme: theme,
      timezoneId: 'Asia/Kuala_Lumpur',
    })
    context.setDefaultTimeout(30_000)
    if (as !== undefined) {
      if (!sessions.has(as)) sessions.set(as, session(as))
      const [name = '', value = ''] = (await sessions.get(as)!).split('=')
      await context.addCookies([{ name, value, url: address }])
    }
    return context.newPage()
  }
  return { open, address }
}

/** What axe finds wrong with a page, as lines to read; empty when it is accessible. */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  // Legacy: in the page itself, without a second one for pages inside frames, of which there are none.
  const run = new axe({ page }).setLegacyMode(true).options({ resultTypes: ['violations'] })
  const { violations } = await run.analyze()
  return violations.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id}: ${node.html.slice(0, 160)} (${node.failureSummary})`),
  )
}

/** By how many pixels the page is wider than its window. */
export async function overflow(page: Page): Promise<number> {
  return page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth')
}

/** Everything the browser complained about from now on: errors of scripts and refusals by the content security policy. */
export function complaints(page: Page): string[] {
  const seen: string[] = []
  page.on('pageerror', (error) => seen.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') seen.push(message.text())
  })
  return seen
}
