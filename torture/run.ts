import { mkdtemp, rm, chmod } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startEmbeddedPostgres } from '../src/platform/embedded-postgres.ts'
import { torture } from './kills.ts'
import type { Ends } from './place.ts'
import { seeded } from './random.ts'
import { printKills } from './report.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    kills: { type: 'string', default: '1000' },
    places: { type: 'string', default: '4' },
    only: { type: 'string' },
  },
})

/** What is removed again at the end, the latest first. */
const closing: (() => unknown)[] = []
const ends: Ends = { teardown: (end) => void closing.unshift(end) }

async function openPostgres(): Promise<void> {
  if (process.env['HOLDFAST_TEST_POSTGRES_URL']) return
  const home = await mkdtemp(join(tmpdir(), 'holdfast-torture-postgres-'))
  await chmod(home, 0o711) // As root the server runs as another user.
  const server = await startEmbeddedPostgres({
    home,
    log: { info() {}, error() {} },
    purpose: { superuser: true, databases: ['holdfast'], durable: false, maxConnections: 300 },
  })
  ends.teardown(() => rm(home, { recursive: true, force: true }))
  ends.teardown(() => server.stop())
  process.env['HOLDFAST_TEST_POSTGRES_URL'] = server.url('')
}

const seed = Number(values.seed)
console.log(`seed ${seed}`)
process.env['NODE_COMPILE_CACHE'] ??= join(tmpdir(), 'holdfast-torture-cache')
await openPostgres()
try {
  const names = values.only?.split(',')
  const report = await torture(ends, {
    random: seeded(seed),
    kills: Number(values.kills),
    places: Number(values.places),
    ...(names && { names }),
    say: console.log,
  })
  printKills(report)
  if (report.broken.length > 0) process.exitCode = 1
} finally {
  for (const end of closing) await end()
}
void positionals
