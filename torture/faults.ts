import { execFileSync } from 'node:child_process'
import { readFiles } from '../src/deliveries/read-files.ts'
import { Problem } from '../src/platform/errors.ts'
import { openSource } from '../src/source/connect.ts'
import { sql } from '../test/support/postgres.ts'
import { endOf, openApp, type OpenApp } from './app.ts'
import { openByteWire, type ByteWire } from './byte-wire.ts'
import { check, takeBaseline, unfinished, type Baseline } from './checker.ts'
import { openPlace, withClient, type Ends, type Place } from './place.ts'
import type { Random } from './random.ts'
import { call, startService, Unanswered, type Service } from './service.ts'
import { stateOf, zones } from './source.ts'
import { keepWorking, openLedger, workloads, type Ledger } from './workloads.ts'

export interface FaultOptions {
  random: Random
  /** How often the source's connection is cut, at any byte of what the server sends. */
  cuts: number
  /** At how many offsets the disk is full. */
  fullAt: number
  /** How often the host sleeps for an hour. */
  sleeps: number
}

export interface FaultReport {
  /** How each kind of fault ended, by kind and by what was said. */
  ends: Record<string, Record<string, number>>
  broken: string[]
}

/** Everything around the service fails in turns; what it says of that has to be right. */
export async function injectFaults(ends: Ends, options: FaultOptions): Promise<FaultReport> {
  const report: FaultReport = { ends: {}, broken: [] }
  await sourceFaults(ends, options, report)
  await withoutConnections(ends, report)
  await fullDisk(ends, options, report)
  await sleepingHost(ends, options, report)
  return report
}

function note({ ends }: FaultReport, kind: string, end: string): void {
  const of = (ends[kind] ??= {})
  of[end] = (of[end] ?? 0) + 1
}

interface Bench extends OpenApp {
  place: Place
  baseline: Baseline
  wire: ByteWire
  report: FaultReport
}

async function openBench(ends: Ends, report: FaultReport): Promise<Bench> {
  const place = await openPlace(ends, 'folder')
  const baseline = await takeBaseline(place)
  const wire = await openByteWire(ends, place.source)
  return { ...(await openApp(ends, place, { source: wire.url })), place, baseline, wire, report }
}

async function sourceFaults(ends: Ends, { random, cuts }: FaultOptions, report: FaultReport) {
  const bench = await openBench(ends, report)
  const { place, baseline, wire, post } = bench
  const all = { dataset: 'accounts', scope: { all: true } }
  const older = await post('/snapshots', { dataset: 'accounts', scope: { keys: zones.restored.map(String) } })
  wire.cutAfter(Infinity)
  await post('/snapshots', all)
  const bytes = wire.passed()
  for (let i = 0; i < cuts; i++) {
    wire.cutAfter(1 + random.below(bytes))
    const end = endOf(await post('/snapshots', all))
    expectEnd(report, 'a snapshot whose source is cut off', end, /^(SOURCE_UNREACHABLE|completed)$/)
  }
  for (let i = 0; i < cuts / 2; i++) await cutRestore(bench, older['id'], random)
  wire.cutAfter(Infinity)
  await readWithoutSource(bench)
  await paused(bench)
  await contended(bench, older['id'])
  const { ok } = await post(`/snapshots/${older['id']}/verifications`, {})
  if (ok !== true) report.broken.push('an older artifact is not good any more')
  await settledAndChecked(place, baseline, report)
}

function expectEnd(report: FaultReport, kind: string, end: string, wanted: RegExp): void {
  note(report, kind, end)
  if (!wanted.test(end)) report.broken.push(`${kind}: ${end}`)
}

async function cutRestore({ place, wire, post, report }: Bench, snapshotId: string, random: Random) {
  const state = () => withClient(place.source, (client) => stateOf(client, 'restored'))
  const after = await state()
  await sql(place.source, `UPDATE torture.accounts SET owner = owner || '!' WHERE id % 3 = 0 AND id <= 40`)
  const before = await state()
  const plan = await post('/restores', { snapshotId })
  wire.cutAfter(1 + random.below(60_000))
  const application = { planHash: plan['planHash'] }
  const end = endOf(await post(`/restores/${plan['id']}/application`, application))
  wire.cutAfter(Infinity)
  expectEnd(
    report,
    'a restore whose source is cut off',
    end,
    /^(SOURCE_UNREACHABLE|RESTORE_INTERRUPTED|completed)$/,
  )
  const now = await state()
  if (now !== (end === 'completed' ? after : before))
    report.broken.push(`a restore that ended ${end} is torn`)
  if (end === 'completed') return
  const again = await post('/restores', { snapshotId })
  await post(`/restores/${again['id']}/application`, { planHash: again['planHash'] })
}

/** What a delivery is prepared from, where no connection is lent at all: a failure that nobody waits for ends the process. */
async function readWithoutSource({ app, report }: Bench): Promise<void> {
  const dataset = app.datasets.get('accounts')
  const nowhere = openSource('app', 'postgres://nobody@127.0.0.1:1/none')
  const reading = readFiles(nowhere, dataset, dataset.files!, { all: true }).next()
  const end = await reading.then(
    () => 'completed',
    (error: unknown) => (error instanceof Problem ? error.code : String(error)),
  )
  await nowhere.end()
  expectEnd(report, 'files whose source lends no connection', end, /^SOURCE_UNREACHABLE$/)
}

/** A server that stands still says nothing about anything; the work can be given up, or goes on later. */
async function paused({ wire, post, get, report }: Bench): Promise<void> {
  wire.freeze()
  const waiting = post('/snapshots', { dataset: 'accounts' })
  const unfinishedId = async () => {
    for (;;) {
      const { items } = await get('/snapshots?status=generating')
      if (items.length > 0) return items[0].id as string
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  const id = await unfinishedId()
  await post(`/snapshots/${id}/cancellation`, {})
  wire.thaw()
  expectEnd(report, 'given up while the source stands still', endOf(await waiting), /^SNAPSHOT_CANCELLED$/)
  wire.freeze()
  setTimeout(wire.thaw, 1000)
  expectEnd(
    report,
    'the source stands still for a second',
    endOf(await post('/snapshots', { dataset: 'accounts' })),
    /^completed$/,
  )
}

/** The application holds a row, changes it and commits while a restore waits for it: the restore gives way, whole. */
async function contended({ place, post, report }: Bench, snapshotId: string): Promise<void> {
  await sql(place.source, `UPDATE torture.accounts SET owner = 'other' WHERE id IN (3, 4)`)
  const plan = await post('/restores', { snapshotId })
  await withClient(place.source, async (client) => {
    await client.query(`BEGIN; UPDATE torture.accounts SET owner = 'newer' WHERE id = 3`)
    const application = post(`/restores/${plan['id']}/application`, { planHash: plan['planHash'] })
    await new Promise((resolve) => setTimeout(resolve, 700))
    await client.query('COMMIT')
    const end = endOf(await application)
    expectEnd(
      report,
      'a restore of rows that the application changes',
      end,
      /^(SOURCE_CONFLICT|SOURCE_LOCKED|PLAN_DRIFTED)$/,
    )
    const { rows } = await client.query<{ owner: string }>(
      'SELECT owner FROM torture.accounts WHERE id IN (3, 4) ORDER BY id',
    )
    if (rows.map(({ owner }) => owner).join() !== 'newer,other')
      report.broken.push('a restore that gave way changed rows')
  })
}

async function withoutConnections(ends: Ends, report: FaultReport): Promise<void> {
  const place = await openPlace(ends, 'folder')
  const role = `torture_${new URL(place.source).pathname.slice(-12)}`
  await sql(
    place.source,
    `CREATE ROLE ${role} LOGIN PASSWORD 'one' CONNECTION LIMIT 1; GRANT USAGE ON SCHEMA torture TO ${role}; GRANT SELECT ON ALL TABLES IN SCHEMA torture TO ${role}`,
  )
  ends.teardown(() => sql(place.source, `DROP OWNED BY ${role}; DROP ROLE ${role}`))
  const url = Object.assign(new URL(place.source), { username: role, password: 'one' }).href
  const { app, post } = await openApp(ends, place, { source: url })
  const end = endOf(await post('/snapshots', { dataset: 'accounts' }))
  expectEnd(report, 'a source without connections to spare', end, /^SOURCE_BUSY$/)
  await app.close()
}

async function settledAndChecked(place: Place, baseline: Baseline, report: FaultReport): Promise<void> {
  const until = performance.now() + 60_000
  for (
    let left = await unfinished(place.database);
    left.length > 0;
    left = await unfinished(place.database)
  ) {
    if (performance.now() > until) {
      report.broken.push(`stuck: ${left.join(', ')}`)
      break
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  const ledger: Ledger = {
    restore: null,
    whole: '',
    snapshotId: '',
    acknowledged: new Map(),
    done: {},
    refused: new Map(),
  }
  const { broken } = await check(place, baseline, ledger)
  report.broken.push(...broken)
}

/** The disk is full after so many bytes of any file: a limit of the process, which needs no rights. */
async function fullDisk(ends: Ends, { fullAt }: FaultOptions, report: FaultReport): Promise<void> {
  const place = await openPlace(ends, 'folder')
  const baseline = await takeBaseline(place)
  const service = (await startService({ environment: place.environment }))!
  ends.teardown(() => service.kill())
  const limit = (bytes: number | 'unlimited') =>
    execFileSync('prlimit', ['--pid', String(service.process.pid), `--fsize=${bytes}:unlimited`])
  const all = { dataset: 'accounts', scope: { all: true } }
  const whole = await call(service, 'POST', '/snapshots', all)
  for (let i = 0; i < fullAt; i++) {
    limit(Math.floor((whole['storedBytes'] * i) / fullAt))
    const end = endOf(await call(service, 'POST', '/snapshots', all))
    expectEnd(report, 'a disk that is full', end, /^STORE_FULL$/)
  }
  limit('unlimited')
  const { ok } = await call(service, 'POST', `/snapshots/${whole['id']}/verifications`, {})
  if (ok !== true) report.broken.push('an older artifact is not good after the disk was full')
  expectEnd(
    report,
    'a disk with room again',
    endOf(await call(service, 'POST', '/snapshots', all)),
    /^completed$/,
  )
  await settledAndChecked(place, baseline, report)
}

/** The host sleeps for an hour again and again while it works: every lease has run out when it wakes up. */
async function sleepingHost(
  ends: Ends,
  { random, sleeps }: FaultOptions,
  report: FaultReport,
): Promise<void> {
  const place = await openPlace(ends, 'folder')
  const baseline = await takeBaseline(place)
  let asleep = 0
  const clock = { now: () => new Date(Date.now() + asleep) }
  const { app } = await openApp(ends, place, { clock })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  let isOver = false
  const service: Service = {
    ...{
      url,
      gone: new Promise<void>(() => undefined),
      isGone: () => isOver,
      errors: () => '',
      kill: async () => undefined,
    },
    process: undefined as unknown as Service['process'],
  }
  const ledger = await openLedger(service, place)
  const names = Object.keys(workloads).filter((name) => name !== 'schedules')
  const work = names.map((name) => keepWorking({ service, place, ledger, random: random.fork() }, name))
  for (let i = 0; i < sleeps; i++) {
    await new Promise((resolve) => setTimeout(resolve, 400 + random.below(600)))
    asleep += 3_600_000
    note(report, 'a host that sleeps for an hour', 'woken')
  }
  isOver = true
  await Promise.all(work).catch((error: unknown) => {
    if (!(error instanceof Unanswered)) throw error
  })
  for (const [kind, times] of Object.entries(ledger.done))
    (report.ends['done between sleeps'] ??= {})[kind] = times
  const until = performance.now() + 60_000
  while ((await unfinished(place.database)).length > 0 && performance.now() < until)
    await new Promise((resolve) => setTimeout(resolve, 100))
  const { broken } = await check(place, baseline, ledger)
  report.broken.push(...broken, ...(await unfinished(place.database)).map((what) => `stuck: ${what}`))
}
