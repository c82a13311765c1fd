import pg from 'pg'
import { buildApp } from '../../src/app.ts'
import { readConfig } from '../../src/platform/config.ts'
import { createSample } from '../../src/source/sample.ts'
import { databaseUrl } from './postgres.ts'

/** What the sample's dates are relative to. */
export const sampleNow = new Date('2026-11-20T12:00:00Z')

/** A database with our own schema as a first start leaves it; for `testDatabase`. */
export function migratedTemplate(): Promise<string> {
  return template('template_migrated', async (url) => {
    const config = readConfig({ HOLDFAST_HOME: '/nonexistent', HOLDFAST_STORE_URL: 'file:/nonexistent' })
    // Not the service's own clock, by which its schedules would count from today for every test.
    const clock = { now: () => new Date() }
    const app = await buildApp({ config: { ...config, databaseUrl: url }, clock })
    await app.ready()
    await app.close()
  })
}

/** A database with the five example systems; for `testDatabase`. */
export function sampleTemplate(): Promise<string> {
  return template('template_sample', async (url) => void (await createSample(url, sampleNow)))
}

/** Any number: processes that want a template at the same time wait for the one that makes it. */
const lock = 7_230_520

/** Makes a database once a run and copies it from then on, which takes a tenth of the time. */
async function template(name: string, fill: (url: string) => Promise<void>): Promise<string> {
  const client = new pg.Client({ connectionString: databaseUrl('postgres') })
  await client.connect()
  try {
    await client.query('SELECT pg_advisory_lock($1)', [lock])
    const found = await client.query('SELECT FROM pg_database WHERE datname = $1', [name])
    if (found.rowCount === 1) return name
    await client.query(`DROP DATABASE IF EXISTS ${name}_draft WITH (FORCE)`)
    await client.query(`CREATE DATABASE ${name}_draft TEMPLATE template0`)
    await fill(databaseUrl(`${name}_draft`))
    await client.query(`ALTER DATABASE ${name}_draft RENAME TO ${name}`)
    return name
  } finally {
    await client.end()
  }
}
