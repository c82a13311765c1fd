/**
 * Takes the pictures of the manuals: starts an instance with the sample, does some of everything there, and writes what a
 * browser shows to docs/pictures. `npm run pictures`.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import chromium from '@sparticuz/chromium'
import { chromium as playwright, type Browser, type Page } from 'playwright-core'
import { fillInstance, password, type Filled, type people } from './fill-instance.ts'
import { startInstance } from './start-instance.ts'

const folder = join(import.meta.dirname, '../../docs/pictures')

interface Picture {
  name: string
  path: (filled: Filled) => string
  as?: keyof typeof people
  dark?: boolean
  /** Also as a phone shows it. */
  narrow?: boolean
  /** In pixels, where the usual 800 cut off what is told of. */
  height?: number
}

const pictures: Picture[] = [
  { name: 'dashboard', path: () => '/', narrow: true },
  { name: 'dashboard-dark', path: () => '/', dark: true },
  { name: 'dataset', path: () => '/datasets/chat' },
  { name: 'records', path: () => '/datasets/chat/records' },
  { name: 'snapshots', path: () => '/snapshots', narrow: true },
  { name: 'snapshot', path: ({ snapshot }) => `/snapshots/${snapshot}`, height: 1000 },
  { name: 'changes', path: ({ snapshot }) => `/snapshots/${snapshot}/changes` },
  { name: 'restore', path: ({ restore }) => `/restores/${restore}`, narrow: true, height: 1000 },
  { name: 'export', path: () => '/exports/new' },
  { name: 'cleanup', path: ({ cleanup }) => `/cleanups/${cleanup}`, height: 900 },
  { name: 'retention', path: () => '/retention/chat' },
  { name: 'batch', path: ({ batch }) => `/batches/${batch}` },
  { name: 'delivery', path: ({ delivery }) => `/deliveries/${delivery}` },
  { name: 'schedules', path: () => '/schedules' },
  { name: 'audit', path: () => '/audit', dark: true },
  { name: 'permissions', path: () => '/permissions' },
  { name: 'system', path: () => '/system' },
  { name: 'own-records', path: () => '/', as: 'mia' },
]

const instance = await startInstance()
const browser = await playwright.launch({
  executablePath: await chromium.executablePath(),
  args: ['--headless', '--no-sandbox', '--disable-gpu'],
})
try {
  const filled = await fillInstance(instance)
  await mkdir(folder, { recursive: true })
  for (const picture of pictures) {
    await take(picture, 1280, picture.height ?? 800, filled)
    if (picture.narrow) await take({ ...picture, name: `${picture.name}-360` }, 360, 740, filled)
  }
} finally {
  await browser.close()
  await instance.stop()
}

async function take(
  { name, path, as = 'ann', dark = false }: Picture,
  width: number,
  height: number,
  filled: Filled,
): Promise<void> {
  const page = await open(browser, { width, height, dark })
  await signIn(page, as)
  await page.goto(path(filled))
  await page.screenshot({ path: join(folder, `${name}.png`) })
  await page.context().close()
}

async function open(
  from: Browser,
  { width, height, dark }: { width: number; height: number; dark: boolean },
): Promise<Page> {
  const context = await from.newContext({
    baseURL: instance.url,
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    timezoneId: 'Europe/Paris',
  })
  return context.newPage()
}

async function signIn(page: Page, name: string): Promise<void> {
  await page.goto('/sign-in')
  await page.getByLabel('Email').fill(`${name}@example.com`)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL((url) => !url.pathname.startsWith('/sign-in'))
}
