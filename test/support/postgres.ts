import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import pg from 'pg'
import type { Test } from 'tap'

/** Where `before.ts` wrote the address of the suite's PostgreSQL. */
export const serverFile = new URL('../../.tap/postgres.json', import.meta.url)

/** The suite's PostgreSQL server, as a superuser's connection string without a database. */
export function testServer(): string {
  const { url } = JSON.parse(readFileSync(serverFile, 'utf8')) as { url: string }
  return url
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
