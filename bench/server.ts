import { execFile } from 'node:child_process'
import { chmod, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { startEmbeddedPostgres } from '../src/platform/embedded-postgres.ts'

/** A PostgreSQL server to measure on. */
export interface Server {
  /** Such as 15.18, and the same as the server counts it: 150018. */
  version: string
  versionNumber: number
  /** Makes an empty database. @returns its connection string */
  create(name: string): Promise<string>
  drop(name: string): Promise<void>
  /** Empties what is waiting to be written, so that no case pays for the one before it. */
  settle(): Promise<void>
  close(): Promise<void>
}

/**
 * @param url a role's that may create databases; null: an embedded server of its own, durable, as the service runs one
 */
export async function openServer(url: string | null): Promise<Server> {
  const embedded = url === null ? await startEmbedded() : null
  const client = new pg.Client({ connectionString: embedded?.url ?? url! })
  await client.connect()
  const { rows } = await client.query<{ version: string; number: string }>(
    "SELECT split_part(current_setting('server_version'), ' ', 1) AS version, current_setting('server_version_num') AS number",
  )
  return {
    version: rows[0]!.version,
    versionNumber: Number(rows[0]!.number),
    async create(name) {
      await client.query(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`)
      const database = new URL(embedded?.url ?? url!)
      database.pathname = `/${name}`
      return database.href
    },
    drop: async (name) => void (await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)),
    // Only some roles may; without it the figures scatter more.
    settle: async () => void (await client.query('CHECKPOINT').catch(() => undefined)),
    async close() {
      await client.end()
      await embedded?.stop()
    },
  }
}

async function startEmbedded() {
  const home = await mkdtemp(join(tmpdir(), 'holdfast-bench-'))
  await chmod(home, 0o711) // As root the server runs as another user.
  const server = await startEmbeddedPostgres({
    home,
    log: { info() {}, error: (details: unknown) => console.error(details) },
    purpose: { superuser: true, databases: ['holdfast'], durable: true, maxConnections: 50 },
  })
  return {
    url: server.url('holdfast'),
    async stop() {
      const directory = await realpath(join(home, 'postgres'))
      await server.stop()
      for (const path of [directory, home]) await rm(path, { recursive: true, force: true })
    },
  }
}

/** @returns the major version of pg_dump on the PATH when it can dump this server, else null */
export async function fittingTools({ versionNumber }: Server): Promise<number | null> {
  try {
    const { stdout } = await promisify(execFile)('pg_dump', ['--version'])
    const major = Number(/\) (\d+)/.exec(stdout)?.[1])
    return major >= Math.floor(versionNumber / 10_000) ? major : null
  } catch {
    return null
  }
}
