import t from 'tap'
import { snapshotService } from '../snapshots/service.ts'
import { browse, person } from '../support/people.ts'
import { fill } from './large.ts'

/** What a page may take on the server, in milliseconds, on a machine that has nothing else to do. */
const allowed = 100

/**
 * The same in times of a small page, one that asks for a few rows: what is left to go by on a machine that is slow, or
 * busy with other tests. On an idle one a small page takes 2 to 3 ms.
 */
const allowedTimes = 40

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

/** What part of what it may take a page takes: at best, since other work on the machine only ever adds. */
async function partOf(path: string): Promise<number> {
  let best = (await get(path)).ms / allowed
  for (let tries = 0; tries < 10 && best >= 0.5; tries++) {
    const small = await timeOfSmall()
    best = Math.min(best, (await get(path)).ms / Math.max(allowed, allowedTimes * small))
  }
  return best
}

/** What a small page takes just now: the median of nine. */
async function timeOfSmall(): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < 9; i++) times.push((await get('/account')).ms)
  return times.toSorted((a, b) => a - b)[4]!
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

t.test(
  `every page, with every filter in every order, takes less than ${allowed} ms of an idle machine`,
  async (t) => {
    const seen = new Set<string>()
    const parts: [path: string, part: number][] = []
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
      for (const variant of variantsOf(path, mainOf(html))) parts.push([variant, await partOf(variant)])
      const next = linksOf(mainOf(html)).find((link) => link.includes('cursor='))
      if (next !== undefined) parts.push([next, await partOf(next)])
    }
    t.same(
      parts.filter(([, part]) => part >= 1),
      [],
    )
    const slowest = parts.toSorted((a, b) => b[1] - a[1]).slice(0, 5)
    t.comment(
      `${parts.length} pages of ${seen.size} kinds; slowest: ${slowest.map(([path, part]) => `${path} ${Math.round(part * allowed)} ms`).join(', ')}`,
    )
    t.ok(seen.size > 25, [...seen].join(' '))
  },
)
