import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import pg from 'pg'
import type { Test } from 'tap'

/** What `before.ts` writes down about a run's PostgreSQL. `home` is null when the server isn't ours to end. */
export interface ServerRecord {
  url: string
  home: string | null
}

export const serverDirectory = new URL('../../.tap/postgres/', import.meta.url)

/** Where a run's PostgreSQL is written down, by the process id of its tap. */
export function serverFile(run: number): URL {
  return new URL(`${run}.json`, serverDirectory)
}

/** The suite's PostgreSQL server, as a superuser's connection string without a database. */
export function testServer(): string {
  // Left in the environment, so that processes which a test starts find it as well.
  return (process.env['HOLDFAST_TEST_POSTGRES_URL'] ??= recordedServer().url)
}

function recordedServer(): ServerRecord {
  return JSON.parse(readFileSync(serverFile(process.ppid), 'utf8')) as ServerRecord
}

/**
 * A database of its own for a test, dropped at its end.
 * @param template copied when given, else an empty database
 * @returns its connection string (superuser)
 */
export async function testDatabase(t: Test, template = 'template0'): Promise<string> {
  const name = `t_${randomBytes(6).toString('hex')}`
  await onServer(`CREATE DATABASE ${name} TEMPLATE ${template}`)
  t.teardown(() => onServer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`))
  return databaseUrl(name)
}

/** The connection string of a database on the suite's server. */
export function databaseUrl(name: string): string {
  const url = new URL(testServer())
  url.pathname = `/${name}`
  return url.href
}

async function onServer(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl('postgres') })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

/** Runs statements on a database, over a connection of their own. */
export async function sql(url: string, text: string, values?: unknown[]): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const result = await client.query(text, values)
    return (Array.isArray(result) ? result.at(-1) : result).rows
  } finally {
    await client.end()
  }
}
