import { mkdtemp, rm, chmod } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startEmbeddedPostgres } from '../src/platform/embedded-postgres.ts'
import { corrupt } from './corruption.ts'
import { injectFaults } from './faults.ts'
import { isolate } from './isolation.ts'
import { torture } from './kills.ts'
import { mutations } from './mutations/list.ts'
import { isNoticed, passesUnbroken } from './mutations/run.ts'
import { openEnds } from './place.ts'
import type { Leak } from './probe.ts'
import { seeded } from './random.ts'
import { printKills, printShapes, printSoak } from './report.ts'
import { tolerates, tryShapes } from './shapes.ts'
import { soak } from './soak.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    kills: { type: 'string', default: '1000' },
    places: { type: 'string', default: '4' },
    only: { type: 'string' },
    minutes: { type: 'string', default: '60' },
    leak: { type: 'string' },
    rows: { type: 'string', default: '10000' },
    shrink: { type: 'boolean', default: false },
  },
})

const ends = openEnds()

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

/** The first ends the kills and prints what they showed; the next ends everything. */
const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (stopping.signal.aborted) void ends.close().then(() => process.exit(130))
    stopping.abort()
  })
}

const seed = Number(values.seed)
console.log(`seed ${seed}`)
process.env['NODE_COMPILE_CACHE'] ??= join(tmpdir(), 'holdfast-torture-cache')
await openPostgres()
const random = () => seeded(seed)

/** Each part of the torture by its name: says what it found, and whether all was well. */
const parts: Record<string, () => Promise<boolean>> = {
  async kills() {
    const names = values.only?.split(',')
    const [kills, places] = [Number(values.kills), Number(values.places)]
    const options = { random: random(), kills, places, ...(names && { names }) }
    const report = await torture(ends, { ...options, say: console.log, signal: stopping.signal })
    printKills(report)
    return report.broken.length === 0
  },
  async corruption() {
    const report = await corrupt(ends, { random: random(), bitsEvery: 1, damages: 1000, askEvery: 20 })
    console.log(report)
    return report.accepted.length === 0
  },
  async faults() {
    const report = await injectFaults(ends, { random: random(), cuts: 100, fullAt: 50, sleeps: 20 })
    console.log(report)
    return report.broken.length === 0
  },
  async isolation() {
    const report = await isolate(ends, { random: random(), snapshots: 50, turnMs: 5000, turns: 6 })
    console.log(report)
    return report.broken.length === 0 && report.ratio <= 2
  },
  async soak() {
    const minutes = Number(values.minutes)
    const leak = values.leak as Leak | undefined
    const pace = { lookEveryMs: Math.min(60_000, minutes * 1500), faultEveryMs: 10_000, restMs: 1000 }
    const options = { random: random(), minutes, ...pace, ...(leak && { leak }) }
    const report = await soak(ends, { ...options, say: console.log })
    printSoak(report)
    return report.broken.length === 0
  },
  async shapes() {
    const { shrink } = values
    const rows = Number(values.rows)
    const report = await tryShapes(ends, {
      seed,
      rows,
      largeEvery: 12,
      bulkEvery: 20,
      shrink,
      say: console.log,
    })
    printShapes(report)
    return tolerates(report)
  },
  async mutations() {
    const wanted = mutations.filter(({ name }) => name.includes(values.only ?? ''))
    let unnoticed = 0
    for (const test of new Set(wanted.map((mutation) => mutation.test))) {
      if (await passesUnbroken(test)) continue
      unnoticed++
      console.log(`FAILS UNBROKEN: ${test}`)
    }
    for (const mutation of wanted) {
      const began = performance.now()
      const noticed = await isNoticed(mutation)
      if (!noticed) unnoticed++
      const seconds = ((performance.now() - began) / 1000).toFixed(0)
      console.log(
        `${noticed ? 'noticed' : 'NOT NOTICED'} in ${seconds} s: ${mutation.name} (${mutation.test})`,
      )
    }
    return unnoticed === 0
  },
}

try {
  for (const name of positionals.length > 0 ? positionals : Object.keys(parts)) {
    console.log(`\n${name}`)
    const part = parts[name]
    if (part === undefined) throw new Error(`there is no ${name}; there are ${Object.keys(parts).join(', ')}`)
    if (!(await part())) process.exitCode = 1
  }
} finally {
  await ends.close()
}
