import { AsyncLocalStorage } from 'node:async_hooks'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { FastifyInstance } from 'fastify'
import { fillCatalogue, type Catalogue } from './fill-catalogue.ts'
import type { Ground } from './ground.ts'
import { median } from './measure.ts'
import { commands, end, startReady } from './processes.ts'
import type { Listing } from './report.ts'
import { token, withService } from './service.ts'

/** Clients at the same time. */
const clients = 50

/** How long each address is asked flat out, in seconds. */
const seconds = 3

/** How long each is asked before anything is measured, in seconds, as what was just started is slow at first. */
const warmSeconds = 2

/** How long it is asked at a pace, in seconds. */
const pacedSeconds = 5

/** Requests a second of all clients together while people look around: each asks once. */
const calm = clients

/** How busy the service is when it is not at its limit, in parts of what it can do. */
const steady = 0.5

/** Lists and details with many things to list: latency, and throughput beside bare routes. */
export async function http({ server, entries, rounds }: Ground): Promise<Listing> {
  return withService(server, async (app, url) => {
    const began = performance.now()
    const catalogue = await fillCatalogue(app, { snapshots: 10_000, items: 1_000_000, entries })
    const filled = Math.round((performance.now() - began) / 1000)
    const ask = asker(app)
    const listed = await addresses(ask, catalogue)
    const statements = await statementsOf(app, listed)
    await app.close()
    await server.settle()
    const measured = await inProcesses(url, statements, async (service, bare) => {
      for (const path of listed) {
        await flood(service + path, warmSeconds)
        if (statements.has(path)) await flood(bare + path, warmSeconds)
      }
      const taken = new Map<string, Measured[]>(listed.map((path) => [path, []]))
      for (let round = 0; round < rounds; round++)
        for (const path of listed)
          taken
            .get(path)!
            .push(await measureAddress(service + path, statements.has(path) ? bare + path : null))
      return taken
    })
    const rows = listed.map((path) => rowOf(path, measured.get(path)!))
    return {
      title: 'Lists and details over HTTP',
      about: `10,000 snapshots, 1,000,000 items of a batch, ${entries.toLocaleString('en')} audit entries; filled in ${filled} s; the service as \`npm start\` starts it, and ${clients} clients of another process (autocannon flat out, bench/paced-load.ts at a pace). Calm: each asks once a second. Half: as many requests a second as half of what was answered flat out. Flat out: each asks again as soon as it has its answer; latency then is how long ${clients} requests take together. Everything was asked for ${warmSeconds} s before. Bare: a Fastify route in a process of its own that runs the very statements that the service was seen to run for the address, but the one that asks who is calling, over a pool of the same size, and answers with as many rows as JSON.`,
      head: [
        '',
        'calm p99',
        'half p99',
        'flat out p99',
        'requests/s',
        'bare p99',
        'bare requests/s',
        'to bare',
      ],
      rows,
    }
  })
}

/** Has the service and the bare routes answer, each in a process of its own. @param work gets where */
async function inProcesses<T>(
  url: string,
  statements: Map<string, string[]>,
  work: (service: string, bare: string) => Promise<T>,
): Promise<T> {
  const home = await mkdtemp(join(tmpdir(), 'holdfast-bench-'))
  const seen = join(home, 'statements.json')
  await writeFile(seen, JSON.stringify(Object.fromEntries(statements)))
  const service = await startReady(commands.service, {
    ...{ HOLDFAST_HOME: home, HOLDFAST_DATASETS: home, HOLDFAST_RATE_LIMIT: '0' },
    ...{ HOLDFAST_BOOTSTRAP_TOKEN: token, DATABASE_URL: url },
  })
  try {
    const bare = await startReady(commands.bareRoutes, { DATABASE_URL: url, STATEMENTS: seen })
    try {
      return await work(service.origin, bare.origin)
    } finally {
      await end(bare)
    }
  } finally {
    await end(service)
    await rm(home, { recursive: true, force: true })
  }
}

const originOf = (app: FastifyInstance) => `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`

type Ask = (path: string) => Promise<{ nextCursor: string }>

function asker(app: FastifyInstance): Ask {
  return async (path) => {
    const answer = await fetch(originOf(app) + path, { headers: { authorization: `Bearer ${token}` } })
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return (await answer.json()) as { nextCursor: string }
  }
}

/** What pages offer: first pages, later ones, filters and pairs of them, things by themselves. */
async function addresses(ask: Ask, { snapshot, batch, entry }: Catalogue) {
  const items = `/api/batches/${batch}/items`
  const later = async (path: string) => `${path}&cursor=${(await ask(`${path}&limit=200`)).nextCursor}`
  return [
    '/api/snapshots',
    '/api/snapshots?dataset=chat&status=failed',
    await later('/api/snapshots?trigger=scheduled'),
    `/api/snapshots/${snapshot}`,
    items,
    `${items}?status=failed`,
    await later(`${items}?status=pending`),
    `/api/batches/${batch}`,
    '/api/audit',
    '/api/audit?actor=person7%40example.com&action=restore.completed',
    '/api/audit?dataset=chat&outcome=refused',
    '/api/audit?action=restore.completed&dataset=chat&outcome=refused',
    '/api/audit?entityId=entity-1234',
    await later('/api/audit?action=export.created'),
    `/api/audit/${entry}`,
    '/snapshots',
    `/snapshots/${snapshot}`,
    '/audit',
    `/batches/${batch}`,
  ]
}

/** What the service asks its database for each address of the API, but for who is calling. */
async function statementsOf(app: FastifyInstance, paths: string[]): Promise<Map<string, string[]>> {
  const seen = new AsyncLocalStorage<string[]>()
  const platform = app.orm.em.getPlatform()
  app.orm.config.set('onQuery', (sql, values) => {
    seen.getStore()?.push(platform.formatQuery(sql, values))
    return sql
  })
  const statements = new Map<string, string[]>()
  for (const url of paths.filter((path) => path.startsWith('/api/'))) {
    const asked: string[] = []
    await seen.run(asked, async () => app.inject({ url, headers: { authorization: `Bearer ${token}` } }))
    if (asked.length < 2) throw new Error(`${url}: no statement was seen besides who asks`)
    statements.set(
      url,
      asked.filter((sql) => !sql.includes('api_tokens')),
    )
  }
  return statements
}

/** What came out of one round for an address: latency in milliseconds, and requests a second. */
interface Measured {
  calmP99: number
  halfP99: number
  flatOut: Flood
  /** Null for a page. */
  bare: Flood | null
}

async function measureAddress(url: string, bareUrl: string | null): Promise<Measured> {
  const flatOut = await flood(url, seconds)
  return {
    flatOut,
    calmP99: await pacedP99(url, calm),
    halfP99: await pacedP99(url, Math.ceil(flatOut.rate * steady)),
    bare: bareUrl === null ? null : await flood(bareUrl, seconds),
  }
}

function rowOf(path: string, measured: Measured[]): string[] {
  const shown = path.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, ':id').replace(/(cursor=)[^&]+/, '$1…')
  const middle = (of: (one: Measured) => number) => median(measured.map(of))
  const own = [
    ms(middle(({ calmP99 }) => calmP99)),
    ms(middle(({ halfP99 }) => halfP99)),
    ms(middle(({ flatOut }) => flatOut.p99)),
    middle(({ flatOut }) => flatOut.rate).toFixed(0),
  ]
  if (measured[0]!.bare === null) return [shown, ...own, '', '', '']
  return [
    shown,
    ...own,
    ms(middle(({ bare }) => bare!.p99)),
    middle(({ bare }) => bare!.rate).toFixed(0),
    `${middle(({ flatOut, bare }) => flatOut.rate / bare!.rate).toFixed(2)} x`,
  ]
}

const ms = (value: number) => `${value.toFixed(0)} ms`

const autocannon = fileURLToPath(import.meta.resolve('autocannon'))

const run = async (...program: string[]) => (await promisify(execFile)(process.execPath, program)).stdout

interface Flood {
  p99: number
  rate: number
}

/** Each client asks again as soon as it has its answer. @param lasts in seconds */
async function flood(url: string, lasts: number): Promise<Flood> {
  const options = ['--json', '--no-progress', '-c', `${clients}`, '-H', `authorization=Bearer ${token}`]
  const printed = await run(autocannon, ...options, '-d', `${lasts}`, url)
  const { latency, requests, errors, non2xx } = JSON.parse(printed) as {
    latency: { p99: number }
    requests: { average: number }
    errors: number
    non2xx: number
  }
  if (errors + non2xx > 0) throw new Error(`${url}: ${errors} errors, ${non2xx} answers that were not 2xx`)
  return { p99: latency.p99, rate: requests.average }
}

const pacedLoad = fileURLToPath(new URL('paced-load.ts', import.meta.url))

/** @param rate requests a second over all clients, spread evenly */
async function pacedP99(url: string, rate: number): Promise<number> {
  const printed = await run(pacedLoad, url, `${clients}`, `${rate}`, `${pacedSeconds}`, token)
  return (JSON.parse(printed) as { p99: number }).p99
}
