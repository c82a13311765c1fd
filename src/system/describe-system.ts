import { statfs } from 'node:fs/promises'
import { availableParallelism, freemem, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { Problem } from '../platform/errors.ts'
import type { SourcePool } from '../source/connect.ts'
import type { Store } from '../storage/store.ts'
import { describeSettings } from './describe-settings.ts'
import { aboutDatabase, failedJobs } from './queries.ts'

/** How the service is: versions, what it stands on, what it has to do. What can't be reached says so in its own place. */
export async function describeSystem(app: FastifyInstance) {
  const [database, queue, stores, sources, disk] = await Promise.all([
    describeDatabase(app),
    describeQueue(app),
    describeStores(app),
    Promise.all([...app.datasets.sources].map(([name, source]) => describeSource(name, source))),
    freeSpace(app.config.home),
  ])
  return {
    ...{ version: app.config.version, node: process.versions.node, now: app.clock.now().toISOString() },
    ...{ database, queue, stores, sources },
    process: {
      pid: process.pid,
      startedAt: new Date(app.clock.now().getTime() - process.uptime() * 1000).toISOString(),
      residentBytes: process.memoryUsage.rss(),
      heapBytes: process.memoryUsage().heapUsed,
    },
    machine: {
      platform: `${process.platform} ${process.arch}`,
      processors: availableParallelism(),
      memoryBytes: totalmem(),
      freeMemoryBytes: freemem(),
      homeFreeBytes: disk,
    },
    settings: describeSettings(app.config),
  }
}

/** Whoever may ask is known by then, so the database did answer a moment ago. */
async function describeDatabase({ orm }: FastifyInstance) {
  const [about] = await orm.em
    .fork()
    .execute<[{ version: string; bytes: number; replicas: number; migrations: number }]>(aboutDatabase)
  const pending = await orm.migrator.getPending()
  return {
    ...about,
    pendingMigrations: pending.map(({ name }) => name),
  }
}

async function describeQueue({ orm, queue }: FastifyInstance) {
  const [depths, rows] = await Promise.all([
    queue.depths(),
    orm.em.fork().execute<{ name: string; failed: number }[]>(failedJobs),
  ])
  const failed = new Map(rows.map((row) => [row.name, row.failed]))
  return depths
    .map((depth) => ({ ...depth, failed: failed.get(depth.name) ?? 0 }))
    .sort((a, b) => a.name.localeCompare(b.name))
}

async function describeStores({ stores, config }: FastifyInstance) {
  const named = Object.keys(config.fileStores).map((name) => [name, stores.get(name)] as const)
  return Promise.all(
    [['main', stores.main] as const, ...named].map(([name, store]) => describeStore(name, store)),
  )
}

async function describeStore(name: string, store: Store) {
  const isFolder = store.location.startsWith('file:')
  const problem = await problemOf(() => store.check())
  return {
    name,
    kind: isFolder ? ('folder' as const) : ('s3' as const),
    location: store.location,
    problem,
    // Nobody knows how much is left of a bucket.
    freeBytes: isFolder ? await freeSpace(fileURLToPath(store.location)) : null,
  }
}

async function describeSource(name: string, source: SourcePool) {
  let version: string | null = null
  const problem = await problemOf(async () => {
    const { rows } = await source.withConnection((client) =>
      client.query<{ server_version: string }>('SHOW server_version'),
    )
    version = rows[0]!.server_version
  })
  return { name, version, problem }
}

/** @returns null when all is well, else what is the matter, without secrets */
async function problemOf(check: () => Promise<void>): Promise<string | null> {
  try {
    await check()
    return null
  } catch (error) {
    if (error instanceof Problem) return error.title
    throw error
  }
}

/** Bytes that there is room for beside a path; null when the file system doesn't tell. */
async function freeSpace(path: string): Promise<number | null> {
  try {
    const { bavail, bsize } = await statfs(path)
    return bavail * bsize
  } catch {
    return null
  }
}
