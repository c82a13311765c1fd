import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import type { FastifyInstance } from 'fastify'
import { PgBoss } from 'pg-boss'
import { systemActor } from '../src/audit/actor.ts'
import { claimItems } from '../src/batches/claim-items.ts'
import { createBatch } from '../src/batches/create-batch.ts'
import type { Ground } from './ground.ts'
import { measure, runOnce, type Case, type Figure } from './measure.ts'
import type { Section } from './report.ts'
import { token, withService } from './service.ts'

const jobs = 20_000

/** Items that a worker claims, and jobs that one fetches, at a time. */
const chunk = 100

/** Workers that report item by item: more than connections, as over HTTP. */
const workers = 64

/** What pg-boss gets to work with: as many as its own pool has connections. */
const fetchers = 10

/** The engine of batches beside pg-boss, both durable, on the same server. */
export async function batches({ server, rounds }: Ground): Promise<Section> {
  return withService(server, async (app, url) => {
    // A planner that knows nothing of the latest queue makes pg-boss ten times slower, at random.
    const settle = async () => void (await app.orm.em.fork().execute('VACUUM ANALYZE'))
    const boss = await openBoss(url, settle)
    let id = ''
    const items = (name: string, run: () => Promise<void>): Case => ({
      name,
      rows: jobs,
      async before() {
        id = await fill(app, jobs)
        await settle()
      },
      run,
    })
    const cases: Case[] = [
      boss.case('pg-boss, one by one', (names) => eachOf(names, (name) => boss.complete([name]))),
      boss.case('pg-boss, in chunks', boss.complete),
      items('item by item', () => workOn(app, id, workers, 1)),
      items('in chunks', () => workOn(app, id, fetchers, chunk)),
    ]
    try {
      return {
        title: `Checkpoints of ${jobs.toLocaleString('en')} items`,
        about: `Every item is claimed and its completion committed, with \`synchronous_commit\` on, after VACUUM ANALYZE. pg-boss fetches ${chunk} jobs at a time by ${fetchers} fetchers and completes them one by one, or all ${chunk} in one statement. ${workers} workers of a batch claim ${chunk} items at a time and report item by item, each waiting for its commit; in chunks, ${fetchers} of them report all ${chunk} at once.`,
        unit: 's',
        figures: await measure(cases, rounds),
      }
    } finally {
      await boss.stop()
    }
  })
}

/** What an item costs in batches of different sizes, and how long a million takes to arrive. */
export async function batchSizes({ server }: Ground): Promise<Section> {
  return withService(server, async (app) => {
    const figures: Figure[] = []
    for (const size of [1000, 10_000, 100_000, 1_000_000]) {
      const name = `${size.toLocaleString('en')} items`
      const key = `size ${size}`
      figures.push(await once(`${name}, streamed in`, size, () => stream(app, key, size)))
      const id = await idOf(app, key)
      figures.push(await once(`${name}, worked on`, size, () => workOn(app, id, workers, 1)))
    }
    return {
      title: 'Batches of different sizes',
      about: `Items arrive as NDJSON over HTTP, up to 100,000 in a request; then ${workers} workers claim ${chunk} at a time and report item by item. Once each.`,
      unit: 's',
      figures,
    }
  })
}

function* itemsOf(count: number, from = 0) {
  for (let i = from; i < from + count; i++) yield { id: `item ${i}`, payload: { topic: `topic ${i}` } }
}

let made = 0

/** @returns the id of a new batch */
async function fill(app: FastifyInstance, count: number): Promise<string> {
  const wanted = { key: `bench ${++made}`, handler: null, items: itemsOf(count) }
  const origin = { type: 'request', id: null } as const
  const batch = await app.orm.em
    .fork()
    .transactional((em) => createBatch(app, em, { ...wanted, origin }, { actor: systemActor }))
  return batch.id
}

/** Claims and reports until nothing is left. @param every after how many items a worker reports */
async function workOn(app: FastifyInstance, id: string, count: number, every: number): Promise<void> {
  await eachOf(Array.from({ length: count }).keys(), async (n) => {
    const wanted = { worker: `worker ${n}`, limit: chunk, leaseSeconds: 60 }
    for (;;) {
      const { lease, items } = await claimItems(app, id, wanted, 0)
      if (lease === null) return
      for (let i = 0; i < items.length; i += every) {
        const done = items.slice(i, i + every)
        const reports = done.map((item) => ({ id: item.id, outcome: { completed: true } as const }))
        const verdicts = await app.batches.commits.report(id, reports, { lease })
        if (verdicts.some((verdict) => verdict !== 'accepted')) throw new Error(verdicts.join())
      }
    }
  })
}

async function eachOf<T>(several: Iterable<T>, work: (one: T) => Promise<void>): Promise<void> {
  await Promise.all(Array.from(several, work))
}

/** Items in one request: all of it has to arrive within half a minute. */
const slice = 100_000

async function stream(app: FastifyInstance, key: string, count: number): Promise<void> {
  const created = await post(app, '/api/batches', 'application/json', [JSON.stringify({ key })])
  const { id } = JSON.parse(created) as { id: string }
  for (let from = 0; from < count; from += slice) {
    const some = Math.min(slice, count - from)
    const answer = await post(app, `/api/batches/${id}/items`, 'application/x-ndjson', lines(from, some))
    if ((JSON.parse(answer) as { added: number }).added !== some) throw new Error(answer)
  }
}

/** A hundred lines at a time. */
function* lines(from: number, count: number): Generator<string> {
  for (let i = from; i < from + count; i += 100) {
    const some = itemsOf(Math.min(100, from + count - i), i)
    yield Array.from(some, (item) => `${JSON.stringify(item)}\n`).join('')
  }
}

async function post(
  app: FastifyInstance,
  path: string,
  type: string,
  body: Iterable<string>,
): Promise<string> {
  const { port } = app.server.address() as AddressInfo
  const headers = { authorization: `Bearer ${token}`, 'content-type': type }
  const outgoing = request({ port, path, method: 'POST', headers })
  const answer = new Promise<string>((resolve, reject) => {
    outgoing.once('response', (response) => resolve(text(response)))
    outgoing.once('error', reject)
  })
  await pipeline(Readable.from(body), outgoing)
  return answer
}

async function idOf(app: FastifyInstance, key: string): Promise<string> {
  const headers = { authorization: `Bearer ${token}` }
  const answer = await app.inject({ url: `/api/batches?key=${encodeURIComponent(key)}`, headers })
  return answer.json<{ items: { id: string }[] }>().items[0]!.id
}

async function once(name: string, rows: number, run: () => Promise<void>): Promise<Figure> {
  const { seconds, peakRss } = await runOnce({ name, rows, run })
  return { name, baseline: false, rows, seconds: [seconds], peakRss }
}

/** @param settle brings statistics up to date when a queue is filled */
async function openBoss(url: string, settle: () => Promise<void>) {
  const boss = new PgBoss({
    connectionString: url,
    schema: 'bench',
    max: fetchers,
    supervise: false,
    schedule: false,
  })
  await boss.start()
  let queue = ''
  let queues = 0
  const complete = (ids: string[]) => boss.complete(queue, ids).then(() => undefined)
  return {
    complete,
    stop: () => boss.stop(),
    case: (name: string, finish: (ids: string[]) => Promise<void>): Case => ({
      name,
      baseline: true,
      rows: jobs,
      async before() {
        await boss.createQueue((queue = `queue_${++queues}`))
        await boss.insert(
          queue,
          Array.from(itemsOf(jobs), (data) => ({ data })),
        )
        await settle()
      },
      async run() {
        await eachOf(Array.from({ length: fetchers }), async () => {
          for (;;) {
            const fetched = await boss.fetch(queue, { batchSize: chunk })
            if (fetched.length === 0) return
            await finish(fetched.map(({ id }) => id))
          }
        })
      },
    }),
  }
}
