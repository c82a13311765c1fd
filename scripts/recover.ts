/**
 * Rebuilds the list of snapshots from the store alone, when Holdfast's own database was lost.
 *
 *   npm run recover [-- --verify]
 *
 * Takes the same configuration as the service. Rows that are there stay as they are, so it can be repeated at any time,
 * also beside a running service. With --verify every artifact is read and hashed again.
 *
 * Prints what it found. Exits 0 when all is well, 1 when something in the store cannot be relied on, 2 when it could not
 * be done.
 */
import { parseArgs } from 'node:util'
import { PendingEntry } from '../src/audit/pending-entry.ts'
import { systemClock } from '../src/platform/clock.ts'
import { ConfigError, readConfig, type Config } from '../src/platform/config.ts'
import { migrate, openDatabase } from '../src/platform/database.ts'
import { startEmbeddedPostgres } from '../src/platform/embedded-postgres.ts'
import { Problem } from '../src/platform/errors.ts'
import { StartError } from '../src/platform/start-error.ts'
import { recoverCatalogue, type Finding } from '../src/snapshots/recover-catalogue.ts'
import { Snapshot } from '../src/snapshots/snapshot.ts'
import { openStore } from '../src/storage/open-store.ts'

const words: Record<Finding['outcome'], string> = {
  listed: 'listed already',
  recovered: 'recovered',
  incomplete: 'incomplete, left by an attempt that never ended',
  duplicate: 'left out, the snapshot is listed with another artifact',
  unreadable: 'not recovered: unreadable manifest',
  missing: 'not recovered: artifact missing',
  damaged: 'damaged',
}
const bad: Finding['outcome'][] = ['unreadable', 'missing', 'damaged']

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { verify: { type: 'boolean', default: false } } })
  const config = readConfig()
  const database = await prepareDatabase(config)
  try {
    await recover(config, database.url, values.verify)
  } finally {
    await database.stop()
  }
}

async function prepareDatabase({ databaseUrl, home }: Config) {
  if (databaseUrl !== null) return { url: databaseUrl, stop: async () => undefined }
  const embedded = await startEmbeddedPostgres({ home, log: { info() {}, error: console.error } })
  return { url: embedded.url('holdfast'), stop: () => embedded.stop() }
}

async function recover(config: Config, databaseUrl: string, verify: boolean): Promise<void> {
  const orm = await openDatabase(databaseUrl, [Snapshot, PendingEntry])
  try {
    await migrate(orm, databaseUrl)
    const store = openStore(config.storeUrl)
    console.log(`Reading ${store.location}`)
    await report(recoverCatalogue({ orm, store, clock: systemClock, verify }))
  } finally {
    await orm.close()
  }
}

async function report(findings: AsyncIterable<Finding>): Promise<void> {
  const counts = new Map<Finding['outcome'], number>()
  for await (const { outcome, key, detail } of findings) {
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
    if (outcome !== 'listed') console.log(`${key}: ${words[outcome]} (${detail})`)
  }
  for (const [outcome, count] of counts) console.log(`${count} ${words[outcome]}`)
  if (counts.size === 0) console.log('There are no snapshots.')
  if (bad.some((outcome) => counts.has(outcome))) process.exitCode = 1
}

try {
  await main()
} catch (error) {
  const known = error instanceof ConfigError || error instanceof StartError || error instanceof Problem
  console.error(known ? `holdfast: ${error.message}` : error)
  process.exitCode = 2
}
