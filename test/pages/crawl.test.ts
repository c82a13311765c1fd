import type { FastifyInstance } from 'fastify'
import type { Page } from 'playwright-core'
import t from 'tap'
import type { Role } from '../../src/audit/actor.ts'
import { deliveryService } from '../deliveries/service.ts'
import { startBrowser } from '../support/browser.ts'
import { browse, person } from '../support/people.ts'
import { sql } from '../support/postgres.ts'
import { makeOneOfEverything } from './one-of-everything.ts'

type Who = Role | 'nobody'

/** What a page leads to. */
interface Parsed {
  links: string[]
  forms: Form[]
}

interface Form {
  method: string
  action: string
  fields: [name: string, value: string][]
  /** A field has to be filled in before it can be sent. */
  asks: boolean
}

interface Route {
  url: string
  permission: string
  pattern: RegExp
}

/** Pages that no link leads to, and why. */
const unlinked: Record<string, string> = {
  '/setup': 'the link that a first start prints leads there (test/access/setup.test.ts)',
  '/find': 'a form asks for an id first (test/pages/frame.test.ts)',
  '/deliveries/:id/cancellation': 'only while one is under way (test/deliveries/pages.test.ts)',
  '/schemas/dataset.json': 'editors read it, no page',
  '/snapshots/selection/deletion': 'ticked boxes lead there (test/pages/lists.test.ts)',
  '/exports/selection/deletion': 'ticked boxes lead there (test/pages/lists.test.ts)',
}

/** How many addresses of a route, with the same parameters, are looked at. */
const each = 2

const service = await deliveryService(t, {
  environment: { SMTP_URL: 'smtp://127.0.0.1:1', NOTIFY_EMAIL: 'ops@example.com' },
})
const { app } = service
const browser = await startBrowser(t, app)
const parser = await browser.open()
const gets = routesOf(app, 'GET')
const posts = routesOf(app, 'POST')
const published = await matrixOf()
await makeOneOfEverything(service)
const headers: Record<Who, Record<string, string>> = {
  admin: await signedIn('admin'),
  operator: await signedIn('operator'),
  viewer: await signedIn('viewer'),
  member: await signedIn('member'),
  nobody: { 'sec-fetch-site': 'same-origin' },
}
const everybody = Object.keys(headers) as Who[]

/** Every form that somebody was shown, by its route, and who was. */
const shown = new Map<string, Map<Who, Form>>()
const reached = new Set<string>()

for (const who of everybody)
  t.test(`no link that is shown to ${who} is a dead end`, async (t) => {
    const visited = new Map<string, number>()
    const waiting = [['start', who === 'nobody' ? '/sign-in' : '/']]
    for (const [from, path] of waiting as [string, string][]) {
      const route = routeTo(gets, path)
      if (route === undefined) {
        t.fail(`${path} is no route, on ${from}`)
        continue
      }
      const kind = `${route.url} ${[...new URL(path, 'http://x').searchParams.keys()].join()}`
      const times = visited.get(kind) ?? 0
      if (times >= each) continue
      visited.set(kind, times + 1)
      reached.add(route.url)
      const isPage = !/^\/(api|docs|public)\b/.test(path)
      const answer = await app.inject({
        method: isPage ? 'GET' : 'HEAD',
        url: path,
        headers: { accept: 'text/html', ...headers[who] },
      })
      if (answer.statusCode === 303) {
        waiting.push([path, answer.headers.location as string])
        continue
      }
      const isGood = isPage ? answer.statusCode === 200 : answer.statusCode < 400
      t.ok(isGood, `${path}, on ${from}: ${answer.statusCode} ${codeOf(answer.body)}`)
      if (!String(answer.headers['content-type']).startsWith('text/html') || !isPage) continue
      const { links, forms } = await parse(parser, answer.body)
      const found = links.filter((link) => link.startsWith('/'))
      for (const form of forms) found.push(...note(who, form))
      waiting.push(...found.map((link) => [path, link]))
    }
  })

t.test('every page is reached, or says why not', async (t) => {
  const pages = gets.filter(({ url }) => !/^\/(api|docs|public|healthz|readyz|metrics|openapi)/.test(url))
  for (const { url } of pages)
    t.ok(reached.has(url) !== url in unlinked, `${url} ${unlinked[url] ?? 'is reached'}`)
})

t.test('nobody is shown a form that they may not use', async (t) => {
  for (const [route, forms] of shown)
    for (const who of forms.keys()) t.ok(isAllowed(route, who), `${route} is shown to ${who}`)
})

t.test('whoever may not send a form is refused, and nothing comes of it', async (t) => {
  const before = await deeds(app)
  for (const [route, forms] of shown) {
    const [form] = forms.values()
    for (const who of everybody.filter((one) => !isAllowed(route, one))) {
      const { statusCode } = await send(who, form!)
      const refusal = who === 'nobody' ? 401 : 403
      t.equal(statusCode, refusal, `${route}: ${who}`)
    }
  }
  t.equal(await deeds(app), before)
})

t.test('a member is refused what belongs to records that do not name them', async (t) => {
  const before = await deeds(app)
  for (const [route, forms] of shown) {
    const form = forms.get('admin')
    if (form === undefined || !isAllowed(route, 'member') || !/:id\b/.test(route)) continue
    if (form.action === forms.get('member')?.action || route.includes('/account/')) continue
    t.match((await send('member', form)).statusCode, /403|404/, `${route}: ${form.action}`)
  }
  t.equal(await deeds(app), before)
})

t.test('whoever is shown a form may send it', async (t) => {
  const done = new Set<string>()
  const last = /^\/(session\/end|account\/|users\/:id\/(disabled|role|sessions))/
  const inOrder = [...shown].sort(([a], [b]) => Number(last.test(a)) - Number(last.test(b)))
  for (const [, forms] of inOrder.filter(([route]) => !last.test(route)))
    for (const [who, form] of [...forms].toReversed()) {
      const { statusCode, body } = await send(who, form)
      const isGone = statusCode === 404 && done.has(form.action)
      const isLetIn = isGone || (statusCode < 500 && ![401, 403, 404].includes(statusCode))
      done.add(form.action)
      t.ok(isLetIn, `${form.action}: ${who}, ${statusCode} ${codeOf(body)}`)
    }
})

async function signedIn(role: Role): Promise<Record<string, string>> {
  await person(app, role, role)
  return browse(app, role)
}

function routesOf({ declaredRoutes }: FastifyInstance, method: string): Route[] {
  return declaredRoutes
    .filter((route) => route.method === method)
    .map(({ url, permission }) => ({ url, permission, pattern: patternOf(url) }))
    .sort((a, b) => wildness(a.url) - wildness(b.url))
}

function patternOf(url: string): RegExp {
  return new RegExp(`^${url.replace(/:\w+/g, '[^/]+').replace('*', '.*')}$`)
}

/** What is spelt out comes before what stands for anything. */
function wildness(url: string): number {
  return (url.match(/:/g)?.length ?? 0) + (url.includes('*') ? 10 : 0)
}

function routeTo(routes: Route[], path: string): Route | undefined {
  return routes.find(({ pattern }) => pattern.test(path.split(/[?#]/, 1)[0]!))
}

async function matrixOf(): Promise<Map<string, Role[]>> {
  const { body } = await service.call('GET', '/permissions')
  const { permissions } = body as unknown as { permissions: { permission: string; roles: Role[] }[] }
  return new Map(permissions.map(({ permission, roles }) => [permission, roles]))
}

function isAllowed(route: string, who: Who): boolean {
  const { permission } = posts.find(({ url }) => url === route)!
  if (permission === 'public') return true
  if (who === 'nobody') return false
  return permission === 'signed-in' || published.get(permission)!.includes(who)
}

/** What a browser makes of a page: only it reads HTML as browsers do. */
function parse(page: Page, html: string): Promise<Parsed> {
  return page.evaluate<Parsed>(
    `((html) => {
      const page = new DOMParser().parseFromString(html, 'text/html')
      const valueOf = (field) => field.tagName === 'SELECT'
        ? field.value
        : /checkbox|radio/.test(field.type) ? (field.checked ? field.value : null) : field.value
      return {
        links: [...page.querySelectorAll('a[href], link[href]')].map((link) => link.getAttribute('href')),
        forms: [...page.querySelectorAll('form')].filter((form) => form.method !== 'dialog').flatMap((form) => {
          const all = [...form.elements]
          const fields = all.filter((field) => field.name && field.tagName !== 'BUTTON')
          const given = fields.map((field) => [field.name, valueOf(field)]).filter(([, value]) => value !== null)
          const buttons = all.filter((field) => field.tagName === 'BUTTON' && field.type === 'submit')
          const actions = buttons.filter((button) => button.hasAttribute('formaction'))
          const [named] = buttons.filter((button) => button.name)
          const sent = (action, method, button) => ({
            method,
            action,
            fields: [...given, ...(button?.name ? [[button.name, button.value]] : [])],
            asks: fields.some((field) => field.required && !field.value),
          })
          return [
            ...(form.hasAttribute('action') ? [sent(form.getAttribute('action'), form.method, named)] : []),
            ...actions.map((button) => sent(button.getAttribute('formaction'), button.formMethod || form.method, button)),
          ]
        }),
      }
    })(${JSON.stringify(html)})`,
  )
}

/** A form that looks something up is followed like a link; one that changes something is kept for later. */
function note(who: Who, form: Form): string[] {
  if (form.method === 'get') {
    const given = form.fields.filter(([, value]) => value !== '')
    return form.asks ? [] : [`${form.action}?${new URLSearchParams(given).toString()}`.replace(/\?$/, '')]
  }
  const route = routeTo(posts, form.action)
  const key = route?.url ?? `nothing at ${form.action}`
  const forms = shown.get(key) ?? new Map<Who, Form>()
  if (!forms.has(who)) forms.set(who, form)
  shown.set(key, forms)
  return []
}

/** The code of the problem that a page tells of. */
function codeOf(page: string): string {
  return /<code>([A-Z_]+)<\/code>|<h2>([^<]+)<\/h2>/.exec(page)?.slice(1).join('') ?? ''
}

function send(who: Who, { action, fields }: Form) {
  return app.inject({
    method: 'POST',
    url: action,
    headers: {
      accept: 'text/html',
      'content-type': 'application/x-www-form-urlencoded',
      ...headers[who],
    },
    payload: new URLSearchParams(fields.filter(([name]) => name !== 'once')).toString(),
  })
}

/** How much was done, as the audit log has it. */
async function deeds({ config }: FastifyInstance): Promise<number> {
  const [row] = await sql(
    config.databaseUrl!,
    "SELECT count(*)::int AS deeds FROM audit_entries WHERE outcome = 'done' AND actor_type = 'user'",
  )
  return row!['deeds'] as number
}
