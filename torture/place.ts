import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { Test } from 'tap'
import { databaseUrl, sql } from '../test/support/postgres.ts'
import { s3Server } from '../test/support/s3-server.ts'
import { migratedTemplate } from '../test/support/templates.ts'
import { datasetBackedUp, fillSource, putPapers, zones } from './source.ts'

/** Where things are removed from again at the end. */
export interface Ends {
  teardown(end: () => unknown): void
}

/** Ends that `close` comes to, the latest first, and to each whatever becomes of the others. */
export function openEnds(): Ends & { close(): Promise<void> } {
  const stack = new AsyncDisposableStack()
  return {
    teardown: (end) => stack.defer(async () => void (await end())),
    close: () => stack.disposeAsync(),
  }
}

/** What is removed at the end of a part of the work, or with all the rest. */
export function endsWithin(ends: Ends): Ends & { close(): Promise<void> } {
  const own = openEnds()
  ends.teardown(own.close)
  return own
}

/** Databases, folders and servers that one service after another works in. */
export interface Place {
  environment: Record<string, string>
  database: string
  source: string
  /** Where the main store's objects lie as files, by key. */
  store: { folder: string; suffix: string }
  /** The documents' store. */
  documents: string
  /** Where folders are delivered to. */
  deliveries: string
  /** The bucket that is delivered to, as a folder. */
  archive: string
}

/** s3rver keeps an object's bytes under its key with this at the end. */
const s3Suffix = '._S3rver_object'

/**
 * @param storeKind what the service keeps its artifacts in
 * @param schedule when everything is backed up, as a cron
 * @param sourceUrl of an empty database that somebody else removes; by default one beside the service's own
 */
export async function openPlace(
  ends: Ends,
  storeKind: 'folder' | 's3',
  schedule = '0 2 1 * *',
  sourceUrl?: string,
): Promise<Place> {
  const home = await mkdtemp(join(tmpdir(), 'holdfast-torture-'))
  ends.teardown(() => rm(home, { recursive: true, force: true }))
  const [database, source] = [
    await createDatabase(ends, await migratedTemplate()),
    sourceUrl ?? (await createDatabase(ends, 'template0')),
  ]
  await fillSource(source)
  const bucket = await s3Server(ends as unknown as Test)
  const at = (folder: string) => join(home, folder)
  for (const folder of ['documents', 'deliveries', 'datasets', 'store']) await mkdir(at(folder))
  await putPapers(at('documents'), [...zones.delivered, ...zones.emptied])
  await writeFile(join(at('datasets'), 'accounts.yaml'), datasetBackedUp(schedule))
  const environment = {
    HOLDFAST_HOME: home,
    DATABASE_URL: database,
    HOLDFAST_SOURCE_APP_URL: source,
    HOLDFAST_DATASETS: at('datasets'),
    HOLDFAST_DELIVERY_ROOT: at('deliveries'),
    HOLDFAST_STORE_DOCUMENTS_URL: `file:${at('documents')}`,
    HOLDFAST_STORE_ARCHIVE_URL: bucket.url.replace('?', '/archive?'),
    ...(storeKind === 's3' && { HOLDFAST_STORE_URL: bucket.url.replace('?', '/main?') }),
  }
  const inBucket = (prefix: string) => join(bucket.directory, bucket.bucket, prefix)
  return {
    environment,
    database,
    source,
    store:
      storeKind === 's3'
        ? { folder: inBucket('main'), suffix: s3Suffix }
        : { folder: at('store'), suffix: '' },
    documents: at('documents'),
    deliveries: at('deliveries'),
    archive: inBucket('archive'),
  }
}

async function createDatabase(ends: Ends, template: string): Promise<string> {
  const name = `torture_${randomBytes(6).toString('hex')}`
  await sql(databaseUrl('postgres'), `CREATE DATABASE ${name} TEMPLATE ${template}`)
  ends.teardown(() => sql(databaseUrl('postgres'), `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`))
  return databaseUrl(name)
}

/** Runs work with a connection of its own. @throws also what broke the connection while nothing was asked */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, application_name: 'checker' })
  client.on('error', () => undefined) // The next query says it.
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Looks until a query finds something, which sends no signal. */
export async function until(database: string, query: string): Promise<void> {
  await withClient(database, async (client) => {
    while ((await client.query(query)).rowCount === 0) await client.query('SELECT pg_sleep(0.02)')
  })
}

/** Until no client is at work in a database, or within a transaction, but for whoever looks. */
export function untilIdle(database: string): Promise<void> {
  return until(
    database,
    `SELECT WHERE NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
       AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND state <> 'idle')`,
  )
}

/** Lets the time pass in which a dead worker's jobs are left to it. */
export async function letHeartsStop({ database }: Pick<Place, 'database'>): Promise<void> {
  await withClient(database, (client) =>
    client.query(
      `UPDATE pgboss.job SET heartbeat_on = heartbeat_on - interval '1 min' WHERE state = 'active'`,
    ),
  )
}
