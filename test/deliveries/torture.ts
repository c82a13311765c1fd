import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as rest } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import type { Test } from 'tap'
import { documentFiles } from '../../examples/legacy-import/files.ts'
import { generate } from '../../examples/legacy-import/generate.ts'
import { createSchema } from '../../examples/load.ts'
import { openStore } from '../../src/storage/open-store.ts'
import { faultyProxy } from '../support/faulty-proxy.ts'
import { GraphServer, type Misbehaviour } from '../support/graph-server.ts'
import { instanceToken, killInstance, startInstance, type Instance } from '../support/instance.ts'
import { sql } from '../support/postgres.ts'
import { s3Server } from '../support/s3-server.ts'
import { filesIn, filesInStore, filesOnDrive, sha256 } from './service.ts'

export interface TortureOptions {
  documents: number
  /** How often the service is killed on the way. */
  kills: number
  /** How many processes work at the same time; they are killed in turns. */
  replicas: number
  /** The share of requests to the bucket and to Graph that go wrong. */
  faults: number
  /** Connection strings of two databases, both empty or the first migrated. */
  database: string
  source: string
}

/** What came of a delivery, by the test's own looking and hashing. */
export interface Outcome {
  destination: string
  status: string
  /** Files with right bytes, missing ones, and those that are there twice or are wrong. */
  right: number
  missing: number
  wrong: number
  /** Lines of the index, and those that are not exactly one for each file. */
  lines: number
  wrongLines: number
}

export interface Torture {
  outcomes: Outcome[]
  kills: number
  faults: number
  violations: string[]
  seconds: number
}

const headers = { authorization: `Bearer ${instanceToken}`, 'content-type': 'application/json' }
const destinations = {
  folder: { type: 'folder', path: 'torture' },
  s3: { type: 's3', store: 'archive', prefix: 'torture' },
  onedrive: { type: 'onedrive', folder: 'torture' },
}

/**
 * Delivers the same documents to each kind of destination at once, while the service is killed again and again and a
 * share of all requests goes wrong; then looks at what is there.
 */
export async function torture(t: Pick<Test, 'teardown'>, options: TortureOptions): Promise<Torture> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-torture-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const bucket = await s3Server(t as Test)
  const session = await fillSource(options)
  const expected = await storeOriginals(options.source, bucket.url)
  const proxy = await faultyProxy(bucket.endpoint, options.faults)
  t.teardown(() => proxy.stop())
  const graph = await troubledGraph(t, options.faults)
  const bucketUrl = bucket.url.replace(encodeURIComponent(bucket.endpoint), encodeURIComponent(proxy.url))
  const root = await mkdtemp(join(folder, 'root-'))
  const environment = {
    HOLDFAST_HOME: folder,
    DATABASE_URL: options.database,
    HOLDFAST_SOURCE_APP_URL: options.source,
    HOLDFAST_DATASETS: fileURLToPath(new URL('../../examples', import.meta.url)),
    HOLDFAST_DELIVERY_ROOT: root,
    HOLDFAST_STORE_DOCUMENTS_URL: bucketUrl.replace('?', '/originals?'),
    HOLDFAST_STORE_ARCHIVE_URL: bucketUrl.replace('?', '/archive?'),
    GRAPH_API_URL: graph.url,
  }
  const begun = performance.now()
  const instances = [await startInstance(environment)]
  t.teardown(() => Promise.all(instances.map(killInstance)))
  while (instances.length < options.replicas) instances.push(await startInstance(environment))
  const ids = await begin(instances[0]!, session)
  let kills = 0
  for (; kills < options.kills && !(await areOver(options.database)); kills++) {
    await progressed(options, kills)
    const turn = kills % instances.length
    await killInstance(instances[turn]!)
    instances[turn] = await startInstance(environment)
  }
  const instance = instances[0]!
  const statuses = await settled(instance, ids)
  const seconds = (performance.now() - begun) / 1000
  const held = {
    folder: await filesIn(join(root, 'torture')),
    s3: await filesInStore(bucket.url.replace('?', '/archive?'), 'torture'),
    onedrive: filesOnDrive(graph, 'torture'),
  }
  const outcomes = await Promise.all(
    Object.entries(held).map(async ([destination, files], i) => ({
      destination,
      status: statuses[i]!,
      ...compare(expected, files),
      ...(await compareIndex(instance, ids[i]!, files)),
    })),
  )
  const faults = proxy.spoilt() + graph.misbehaved
  return { outcomes, kills, faults, violations: graph.violations, seconds }
}

async function fillSource({ source, documents }: TortureOptions): Promise<string> {
  const client = new pg.Client({ connectionString: source })
  await client.connect()
  try {
    await createSchema(client, 'legacy-import')
    await generate(client, { seed: 7, now: new Date(), sessions: 1, documents, categories: 12 })
    // Some that go in fragments.
    await client.query(
      `UPDATE legacy_import.documents SET size_bytes = 5500000
       WHERE id IN (SELECT id FROM legacy_import.documents ORDER BY id LIMIT $1)`,
      [Math.ceil(documents / 500)],
    )
    const { rows } = await client.query<{ id: string }>('SELECT id FROM legacy_import.sessions')
    return rows[0]!.id
  } finally {
    await client.end()
  }
}

/** @returns how often each content has to be there, by its hash */
async function storeOriginals(source: string, bucketUrl: string): Promise<Map<string, number>> {
  const store = openStore(bucketUrl.replace('?', '/originals?'))
  const client = new pg.Client({ connectionString: source })
  await client.connect()
  try {
    const expected = new Map<string, number>()
    for await (const { key, bytes } of documentFiles(client)) {
      await store.put(key, bytes)
      expected.set(sha256(bytes), (expected.get(sha256(bytes)) ?? 0) + 1)
    }
    return expected
  } finally {
    await client.end()
  }
}

async function troubledGraph(t: Pick<Test, 'teardown'>, rate: number): Promise<GraphServer> {
  const graph = new GraphServer()
  await graph.start()
  t.teardown(() => graph.stop())
  graph.tokens.add('a-token')
  const passing: Misbehaviour[] = [
    { kind: 'throttle', seconds: 0 },
    { kind: 'error', status: 500 },
    { kind: 'error', status: 503 },
    { kind: 'lost' },
    { kind: 'lost' },
  ]
  graph.misbehaveAtRandom(rate, (operation) =>
    operation === 'fragment' && Math.random() < 0.2
      ? { kind: 'expired session' }
      : passing[Math.floor(Math.random() * passing.length)]!,
  )
  return graph
}

async function begin({ url }: Instance, session: string): Promise<string[]> {
  const scope = { keys: [session] }
  const post = async (path: string, body: object, more = {}) => {
    const answer = await fetch(`${url}/api${path}`, {
      method: 'POST',
      headers: { ...headers, ...more },
      body: JSON.stringify(body),
    })
    if (!answer.ok) throw new Error(await answer.text())
    return (await answer.json()) as { id: string }
  }
  await post('/snapshots', { dataset: 'legacy-import', scope }, { prefer: 'wait=60' })
  const ids: string[] = []
  for (const destination of Object.values(destinations)) {
    const token = destination.type === 'onedrive' ? { accessToken: 'a-token' } : {}
    ids.push((await post('/deliveries', { dataset: 'legacy-import', scope, destination, ...token })).id)
  }
  return ids
}

async function areOver(database: string): Promise<boolean> {
  const [row] = await sql(
    database,
    "SELECT bool_and(status NOT IN ('preparing', 'delivering') AND NOT conclusion_due) AS over FROM deliveries",
  )
  return row!['over'] === true
}

/** Resolves when about its share of the work is done that lies before the next kill, a moment more or less. */
async function progressed({ database, documents, kills }: TortureOptions, killed: number): Promise<void> {
  const goal = (3 * documents * (killed + Math.random())) / (kills + 1)
  for (;;) {
    const [row] = await sql(database, 'SELECT count(*)::int AS done FROM delivered_files')
    if (Number(row!['done']) >= goal || (await areOver(database))) return
    await rest(20 + Math.random() * 60)
  }
}

/** @returns their statuses at the end; one that paused is resumed */
async function settled({ url }: Instance, ids: string[]): Promise<string[]> {
  const ask = async (path: string, body?: object) => {
    const method = body === undefined ? 'GET' : 'POST'
    const answer = await fetch(`${url}/api${path}`, {
      method,
      headers,
      ...(body && { body: JSON.stringify(body) }),
    })
    return (await answer.json()) as { status: string; batchId: string; finishedAt: string | null }
  }
  return Promise.all(
    ids.map(async (id) => {
      for (;;) {
        const { status, batchId } = await ask(`/deliveries/${id}`)
        if (/^(completed|cancelled|failed)/.test(status)) return status
        if (status === 'paused') await ask(`/batches/${batchId}/resumption`, {})
        await rest(200)
      }
    }),
  )
}

function compare(expected: Map<string, number>, files: { path: string; sha256: string }[]) {
  const found = new Map<string, number>()
  for (const { sha256 } of files) found.set(sha256, (found.get(sha256) ?? 0) + 1)
  let [right, missing, wrong] = [0, 0, 0]
  for (const [hash, times] of expected) {
    const there = found.get(hash) ?? 0
    right += Math.min(there, times)
    missing += Math.max(times - there, 0)
    wrong += Math.max(there - times, 0)
  }
  for (const [hash, times] of found) if (!expected.has(hash)) wrong += times
  return { right, missing, wrong }
}

async function compareIndex({ url }: Instance, id: string, files: { path: string; sha256: string }[]) {
  const answer = await fetch(`${url}/api/deliveries/${id}/index`, { headers })
  const index = (await answer.json()) as { files: { path: string; sha256: string }[] }
  const lines = index.files.map(({ path, sha256 }) => `${path.replace(/^torture\//, '')} ${sha256}`)
  const held = new Set(files.map(({ path, sha256 }) => `${path} ${sha256}`))
  const unlike = lines.filter((line) => !held.has(line)).length
  return { lines: lines.length, wrongLines: unlike + (lines.length - new Set(lines).size) }
}
