import t from 'tap'
import { snapshotService } from '../snapshots/service.ts'
import { browse, person } from '../support/people.ts'
import { fill } from './large.ts'

/** What a page may take on the server, in milliseconds. */
const allowed = 100

const service = await snapshotService(t)
await person(service.app, 'admin', 'admin')
const headers = { ...(await browse(service.app, 'admin')), accept: 'text/html' }
await fill(service)

/** Pages that are as slow as the source: they compare it with an artifact, or survey it. */
const bySource = /\/(changes|preview)$/

async function get(path: string) {
  const begun = performance.now()
  const answer = await service.app.inject({ url: path, headers })
  return { answer, ms: performance.now() - begun }
}

/** The best time of a page, since other work on the machine only ever adds: of one try when that will do. */
async function timeOf(path: string): Promise<number> {
  let best = Infinity
  for (let tries = 0; tries < 10 && best >= allowed / 2; tries++) best = Math.min(best, (await get(path)).ms)
  return best
}

const decoded = (text: string) => text.replaceAll('&amp;', '&').replaceAll('&#39;', "'")
const mainOf = (html: string) => html.slice(html.indexOf('<main'), html.indexOf('</main>'))

/** Pages that differ only in what they show are alike. */
function shapeOf(path: string): string {
  return path
    .split('?')[0]!
    .replace(/[\da-f]{8}-[\da-f-]{27}/g, ':id')
    .replace(/^(\/\w+\/)(?!:id|new\b)[^/]+/, '$1:name')
    .replace(/\/\d+$/, '/:number')
}

/** Every link of a page to one of ours. */
function linksOf(html: string): string[] {
  return [...html.matchAll(/<a [^>]*href="(\/[^"#]*)"/g)]
    .map(([, href]) => decoded(href!))
    .filter((href) => !/^\/(api|docs|public|problems)\b|[?&]format=/.test(href))
}

/**
 * What a list can be narrowed to and sorted by, as addresses: each filter, each order in both directions, and the first of
 * each field in each order, one way or the other by turns.
 */
function variantsOf(path: string, html: string): string[] {
  const form = /<form class="filters"[^]*?<\/form>/.exec(html)?.[0] ?? ''
  const fields = [...form.matchAll(/<select[^>]* name="(\w+)"[^]*?<\/select>/g)].map(([select, name]) =>
    [...select.matchAll(/<option value="([^"]+)"/g)].map(
      ([, value]) => `${name!}=${encodeURIComponent(decoded(value!))}`,
    ),
  )
  if (form.includes('name="from"')) fields.push(['from=2026-03-01&to=2026-03-02', 'to=2020-01-01'])
  const head = /<thead>[^]*?<\/thead>/.exec(html)?.[0] ?? ''
  const orders = [...head.matchAll(/[?&]sort=-?(\w+)/g)].map(([, name]) => `sort=${name!}`)
  const turned = (order: string) => order.replace('=', '=-')
  const firsts = fields.flatMap(([first]) => first ?? [])
  const queries = [
    ...['', ...fields.flat(), ...orders, ...orders.map(turned)],
    ...firsts.flatMap((filter) =>
      orders.map((order, i) => `${filter}&${i % 2 === 0 ? order : turned(order)}`),
    ),
  ]
  const plain = path.split('?')[0]!
  return queries.map((query) => (query === '' ? plain : `${plain}?${query}`))
}

t.test(`every page, with every filter in every order, takes less than ${allowed} ms`, async (t) => {
  const seen = new Set<string>()
  const times: [path: string, ms: number][] = []
  const waiting = ['/']
  for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
    const shape = shapeOf(path)
    if (seen.has(shape) || bySource.test(shape)) continue
    seen.add(shape)
    const { answer } = await get(path)
    if (answer.statusCode !== 200)
      t.ok([303].includes(answer.statusCode), `${path} answers ${answer.statusCode}`)
    const html = answer.body
    waiting.push(...linksOf(html))
    for (const variant of variantsOf(path, mainOf(html))) times.push([variant, await timeOf(variant)])
    const next = linksOf(mainOf(html)).find((link) => link.includes('cursor='))
    if (next !== undefined) times.push([next, await timeOf(next)])
  }
  const slow = times.filter(([, ms]) => ms >= allowed)
  t.same(slow, [])
  const slowest = times.toSorted((a, b) => b[1] - a[1]).slice(0, 5)
  t.comment(
    `${times.length} pages of ${seen.size} kinds; slowest: ${slowest.map(([path, ms]) => `${path} ${Math.round(ms)} ms`).join(', ')}`,
  )
  t.ok(seen.size > 25, [...seen].join(' '))
})
