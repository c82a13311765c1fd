import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { failpointNames } from '../src/platform/failpoints.ts'
import { filesBelow } from './artifacts.ts'
import { openByteWire, type ByteWire } from './byte-wire.ts'
import { check, takeBaseline, unfinished } from './checker.ts'
import { openPlace, withClient, type Ends, type Place } from './place.ts'
import type { Leak, Vitals } from './probe.ts'
import type { Random } from './random.ts'
import { startService, Unanswered, type Service } from './service.ts'
import { growthOf } from './slopes.ts'
import { soakWork } from './soak-work.ts'
import { startWriter } from './source.ts'
import { openLedger, type Ledger } from './workloads.ts'

export interface SoakOptions {
  random: Random
  minutes: number
  /** How often it is looked at what the service holds, in milliseconds. */
  lookEveryMs: number
  /** Something goes wrong around the service about this often, in milliseconds. */
  faultEveryMs: number
  /** What each kind of work rests for before it begins anew, in milliseconds. */
  restMs: number
  /** What is made to leak on purpose. */
  leak?: Leak
  say?: (line: string) => void
}

/** What the service holds at a moment: its memory in megabytes, how late its event loop is in milliseconds, and counts. */
export interface Held extends Vitals {
  descriptors: number
  /** Connections to Holdfast's own database, and to the source. */
  own: number
  source: number
  /** Sessions that have stood idle in a transaction for longer than ten seconds, in both. */
  idle: number
  /** Files that are being written, in its folders. */
  unfinishedFiles: number
  /** Rows that wait in the queues: jobs, audit entries on their way into the chain. */
  queued: number
}

export interface SoakReport {
  /** By what was done. */
  done: Record<string, number>
  refused: Map<string, number>
  faults: Record<string, number>
  /** Each look, with the minutes since the start. */
  looks: { minutes: number; held: Held }[]
  /** What each figure grew by over the second half, by the line of least squares, and how much it may. */
  growth: Record<keyof Held, { grew: number; atMost: number }>
  /** What was still held when all was done. */
  atRest: Held
  broken: string[]
}

/** How much each figure may grow over the second half of a soak, however long it is: what garbage and pools move by. */
const atMost: Record<keyof Held, number> = {
  ...{ heap: 8, code: 8, rss: 96, loop: 250 },
  ...{ descriptors: 12, own: 5, source: 5, idle: 0.5, unfinishedFiles: 5, queued: 10 },
}

/** What may be held at rest: the pools' own connections. */
const restAtMost: Partial<Record<keyof Held, number>> = {
  own: 25,
  source: 12,
  idle: 0,
  unfinishedFiles: 0,
  queued: 0,
}

/** A line through less than this says nothing: where a look takes long, the soak does. */
const fewestLooks = 12

/** Does everything for a long time while everything around fails now and then: what the service holds must stay flat. */
export async function soak(ends: Ends, options: SoakOptions): Promise<SoakReport> {
  const { random, minutes, leak, say = () => undefined } = options
  const place = await openPlace(ends, 's3', '* * * * *')
  const baseline = await takeBaseline(place)
  const [source, store] = await throughWires(ends, place)
  const service = await startProbed(ends, place, random)
  const writer = startWriter(place.source, undefined, 25)
  ends.teardown(() => writer.stop())
  const ledger = await openLedger(service, place)
  if (leak !== undefined) service.process.send!(leak)

  const began = performance.now()
  const looks: SoakReport['looks'] = []
  const isLongEnough = () => performance.now() - began > minutes * 60_000 && looks.length >= fewestLooks
  const isOver = () => isLongEnough() || service.isGone()
  const work = Object.keys(soakWork).map((name) => keepOn(service, place, ledger, name, isOver, options))
  const faults = breakThings({ source, store }, isOver, options)
  while (!isOver()) {
    await pass(options.lookEveryMs)
    const held = await lookAt(service, place)
    if (held === null) break
    looks.push({ minutes: (performance.now() - began) / 60_000, held })
    say(`${looks.at(-1)!.minutes.toFixed(1)} min ${describe(held)}`)
  }
  await Promise.all(work)
  const broken: string[] = []
  if (service.isGone()) throw new Error(`the service died: ${service.errors() || service.process.signalCode}`)
  const left = await comesToRest(place)
  if (left.length > 0) broken.push(`nothing stuck: ${left.join(', ')}`)
  await writer.stop()
  const atRest = (await lookAt(service, place))!
  broken.push(...(await check(place, baseline, ledger)).broken)
  const growth = growthIn(looks)
  for (const [name, { grew, atMost }] of Object.entries(growth))
    if (grew > atMost) broken.push(`flat: ${name} grew by ${grew.toFixed(1)}, at most ${atMost}`)
  for (const [name, most] of Object.entries(restAtMost))
    if (atRest[name as keyof Held] > most)
      broken.push(`at rest: ${name} is ${atRest[name as keyof Held]}, at most ${most}`)
  return { done: ledger.done, refused: ledger.refused, faults: await faults, looks, growth, atRest, broken }
}

/** Puts wires between the service and what it needs. */
async function throughWires(ends: Ends, { environment, source }: Place): Promise<[ByteWire, ByteWire]> {
  const wire = await openByteWire(ends, source)
  environment['HOLDFAST_SOURCE_APP_URL'] = wire.url
  const names = ['HOLDFAST_STORE_URL', 'HOLDFAST_STORE_ARCHIVE_URL']
  const endpoint = new URL(environment[names[0]!]!).searchParams.get('endpoint')!
  const bucketWire = await openByteWire(ends, endpoint)
  for (const name of names) {
    const url = new URL(environment[name]!)
    url.searchParams.set('endpoint', new URL(bucketWire.url).origin)
    environment[name] = url.href
  }
  return [wire, bucketWire]
}

async function startProbed(ends: Ends, { environment }: Place, random: Random): Promise<Service> {
  const service = await startService({
    environment,
    failpoints: errorsNowAndThen(random),
    probe: './torture/probe.ts',
  })
  ends.teardown(() => service?.kill())
  return service!
}

/** An error at every place, again and again, rarer the longer it goes on. The first ones come after the start. */
function errorsNowAndThen(random: Random): string {
  const errors: string[] = []
  for (const name of failpointNames) {
    const isFrequent = /^(database|audit|queue|store)/.test(name)
    let hit = isFrequent ? 400 : 5
    for (let i = 0; i < 8; i++, hit = Math.ceil(hit * (1.4 + random())))
      errors.push(`${name}=error@${hit + random.below(hit)}`)
  }
  return errors.join(',')
}

async function keepOn(
  service: Service,
  place: Place,
  ledger: Ledger,
  name: string,
  isOver: () => boolean,
  { random, restMs }: SoakOptions,
): Promise<void> {
  const own = random.fork()
  while (!isOver()) {
    try {
      await soakWork[name]!({ service, place, ledger, random: own })
      ledger.done[name] = (ledger.done[name] ?? 0) + 1
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error
      ledger.refused.set(error.message, (ledger.refused.get(error.message) ?? 0) + 1)
    }
    await pass(own.below(2 * restMs))
  }
}

/** Cuts connections in the midst of an answer, and makes servers stand still. @returns how often, by what it was */
async function breakThings(
  wires: { source: ByteWire; store: ByteWire },
  isOver: () => boolean,
  { random, faultEveryMs }: SoakOptions,
): Promise<Record<string, number>> {
  const own = random.fork()
  const done: Record<string, number> = {}
  const note = (what: string) => void (done[what] = (done[what] ?? 0) + 1)
  while (!isOver()) {
    await pass(own.below(2 * faultEveryMs))
    const name = own.pick(['source', 'store'] as const)
    const wire = wires[name]
    if (own() < 0.6) {
      wire.cutAfter(1 + own.below(200_000))
      note(`${name} cut off`)
      continue
    }
    wire.freeze()
    await pass(own.below(2000))
    wire.thaw()
    note(`${name} slow`)
  }
  for (const wire of Object.values(wires)) wire.cutAfter(Infinity)
  return done
}

/** @returns what has not come to its end within two minutes */
async function comesToRest({ database }: Place): Promise<string[]> {
  const until = performance.now() + 120_000
  for (;;) {
    const left = await unfinished(database)
    if ((left.length === 0 && (await queuedIn(database)) === 0) || performance.now() > until) return left
    await pass(200)
  }
}

/** @returns null when the service is gone */
async function lookAt(service: Service, place: Place): Promise<Held | null> {
  if (service.isGone()) return null
  service.process.send!('look', () => undefined)
  const answer = await Promise.race([once(service.process, 'message'), service.gone])
  if (answer === undefined) return null
  const [vitals] = answer as [Vitals]
  const { length: descriptors } = await readdir(`/proc/${service.process.pid}/fd`)
  const [own, source] = await Promise.all([sessionsOn(place.database), sessionsOn(place.source)])
  return {
    ...vitals,
    ...{ descriptors, own: own.all, source: source.all, idle: own.idle + source.idle },
    unfinishedFiles: [...(await filesBelow(place.environment['HOLDFAST_HOME']!)).keys()].filter(isUnfinished)
      .length,
    queued: await queuedIn(place.database),
  }
}

function isUnfinished(path: string): boolean {
  return /(^|\/)\.holdfast\//.test(path)
}

async function sessionsOn(url: string): Promise<{ all: number; idle: number }> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ all: number; idle: number }>(
      `SELECT count(*)::int AS all,
         (count(*) FILTER (WHERE state LIKE 'idle in transaction%' AND state_change < clock_timestamp() - interval '10 s'))::int AS idle
       FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'
         AND application_name NOT IN ('writer', 'checker') AND pid <> pg_backend_pid()`,
    )
    return rows[0]!
  })
}

async function queuedIn(database: string): Promise<number> {
  return withClient(database, async (client) => {
    const { rows } = await client.query<{ queued: number }>(
      `SELECT ((SELECT count(*) FROM pgboss.job WHERE state IN ('created', 'retry', 'active') AND name NOT LIKE '\\_\\_%')
         + (SELECT count(*) FROM audit_pending))::int AS queued`,
    )
    return rows[0]!.queued
  })
}

function growthIn(looks: SoakReport['looks']): SoakReport['growth'] {
  const names = Object.keys(atMost) as (keyof Held)[]
  const of = (name: keyof Held) => ({
    grew: growthOf(looks.map(({ minutes, held }) => [minutes, held[name]])),
    atMost: atMost[name],
  })
  return Object.fromEntries(names.map((name) => [name, of(name)])) as SoakReport['growth']
}

function describe(held: Held): string {
  return Object.entries(held)
    .map(([name, value]) => `${name} ${Math.round(value)}`)
    .join(', ')
}

function pass(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
