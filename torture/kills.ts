import { inspect } from 'node:util'
import type pg from 'pg'
import { failpointNames } from '../src/platform/failpoints.ts'
import { check, takeBaseline, unfinished, unfinishedIn, type Baseline, type Findings } from './checker.ts'
import { afterDeath } from './coverage.ts'
import { endsWithin, letHeartsStop, openPlace, withClient, type Ends, type Place } from './place.ts'
import type { Random } from './random.ts'
import { NeverReady, startService, type Service } from './service.ts'
import { startWriter } from './source.ts'
import { keepWorking, openLedger, workloads, type Ledger } from './workloads.ts'

export interface KillOptions {
  random: Random
  /** How often a service is killed, over all places. */
  kills: number
  /** Places that are worked in side by side: a service that recovers waits more than it works. */
  places: number
  /** Where the kills are planned; default everywhere. */
  names?: readonly string[]
  say?: (line: string) => void
  /** Ends the run where it is. */
  signal?: AbortSignal
}

export interface KillReport extends Findings {
  kills: number
  /** Those at a failpoint, by its name; the rest came at random moments. */
  at: Map<string, number>
  /** How often each failpoint was reached. */
  reached: Map<string, number>
  errors: number
  checks: number
  /** Operations that ended well, by kind. */
  done: Record<string, number>
  /** What the service refused, and how often. */
  refused: Map<string, number>
  /** The longest that anything stayed unfinished after a start, in seconds. */
  longestRecovery: number
}

/** What becomes of one service. */
interface Plan {
  failpoint: { name: string; action: 'kill' | 'error' | 'pause'; hit: number } | null
  /** After so much work, in milliseconds, it is killed if it still lives. */
  lifeMs: number
  /** Killed while it still brings in order what the one before left. */
  whileRecovering: boolean
  /** What comes after it, where the place is reached only by a service that finds what a dead one left. */
  next?: Plan
}

/**
 * How long anything may take to come to its end after a start, in milliseconds: more than a starved machine needs. What it
 * did take is in the report.
 */
const recoveryMs = 180_000

/** One start in so many waits for the dead one's heart beat, as it is in life; the others don't spend that time. */
const patientEvery = 10

/** How often a service is started in one place. */
const startsEach = 40

/**
 * Kills services again and again while they work, and looks each time at what is there once all has come to its end.
 * A place where that can't go on is among what is broken, and ends the others where they are.
 */
export async function torture(ends: Ends, options: KillOptions): Promise<KillReport> {
  const report: KillReport = {
    ...{ kills: 0, at: new Map(), reached: new Map(), errors: 0, checks: 0, done: {}, refused: new Map() },
    ...{ longestRecovery: 0, looked: {}, broken: [] },
  }
  const plan = createPlanner(options, report)
  const failed = new AbortController()
  const signal = AbortSignal.any([failed.signal, options.signal ?? failed.signal])
  const lanes = Array.from({ length: options.places }, async (_, i) => {
    try {
      await killInTurn(ends, { ...options, signal }, report, plan, i)
    } catch (error) {
      report.broken.push(`place ${i} can't go on: ${inspect(error)}`)
      failed.abort()
    }
  })
  await Promise.all(lanes)
  return report
}

/** One place after the other: what all the looks have to read would grow and grow. */
async function killInTurn(
  ends: Ends,
  options: KillOptions,
  report: KillReport,
  nextPlan: () => Plan,
  number: number,
): Promise<void> {
  while (report.kills < options.kills && options.signal?.aborted !== true) {
    const own = endsWithin(ends)
    try {
      await (await openLane(own, options, report, nextPlan, number)).run()
    } finally {
      await own.close()
    }
  }
}

/** Plans kills where there were the fewest so far. Unless places are named, three in ten come at a moment of their own. */
function createPlanner({ random, names = failpointNames }: KillOptions, { at }: KillReport): () => Plan {
  const planned = new Map<string, number>()
  return () => {
    const lifeMs = 200 + random.below(3800)
    const whileRecovering = random() < 0.15
    if (names === failpointNames && random() < 0.3) return { failpoint: null, lifeMs, whileRecovering }
    const least = Math.min(...names.map((name) => (at.get(name) ?? 0) + (planned.get(name) ?? 0)))
    const name = random.pick(names.filter((one) => (at.get(one) ?? 0) + (planned.get(one) ?? 0) === least))
    planned.set(name, (planned.get(name) ?? 0) + 1)
    if (name === afterDeath) return leftBehind(random)
    if (names !== failpointNames || !at.has(name)) return killAt(name)
    const action = random() < 0.85 ? 'kill' : random.pick(['error', 'pause'] as const)
    const hit = random() < 0.5 ? 1 : 1 + random.below(/^(database|audit|queue|store)/.test(name) ? 40 : 4)
    return { failpoint: { name, action, hit }, lifeMs: 12_000, whileRecovering: false }
  }
}

/** It is worked until it gets there. */
function killAt(name: string): Plan {
  return { failpoint: { name, action: 'kill', hit: 1 }, lifeMs: 60_000, whileRecovering: false }
}

/** A restore dies in the midst of its transaction, and the service that finds it dies of that. */
function leftBehind(random: Random): Plan {
  const inTransaction = [
    'restore.locked',
    'restore.written',
    'restore.recorded',
    'restore.committed',
  ] as const
  return { ...killAt(random.pick(inTransaction)), next: { ...killAt(afterDeath), lifeMs: 2000 } }
}

async function openLane(
  ends: Ends,
  { random, kills, say = () => undefined, signal }: KillOptions,
  report: KillReport,
  nextPlan: () => Plan,
  number: number,
) {
  const own = random.fork()
  const place = await openPlace(ends, number % 2 === 0 ? 'folder' : 's3', '* * * * *')
  const baseline = await takeBaseline(place)
  // A hundred transfers a second go by; without a rest they would take more of the machine than the service.
  const writer = startWriter(place.source, undefined, 10)
  let service: Service | null = null
  ends.teardown(async () => {
    await service?.kill()
    await writer.stop()
  })
  signal?.addEventListener('abort', () => void service?.kill())
  let ledger: Ledger | null = null
  let starts = 0

  async function start(plan: Plan): Promise<void> {
    starts++
    if (starts > 1 && starts % patientEvery !== 0) await letHeartsStop(place)
    const { failpoint } = plan
    service = await startService({
      environment: place.environment,
      failpoints: failpoint === null ? 'trace' : `${failpoint.name}=${failpoint.action}@${failpoint.hit}`,
      onFailpoint(name, action, process) {
        report.reached.set(name, (report.reached.get(name) ?? 0) + 1)
        if (action === 'kill') report.at.set(name, (report.at.get(name) ?? 0) + 1)
        if (action === 'error') report.errors++
        if (action === 'pause') setTimeout(() => process.kill('SIGUSR2'), 1500)
      },
    }).catch((error: unknown) => {
      if (failpoint?.action !== 'error' || error instanceof NeverReady)
        report.broken.push(`nothing stuck: ${String(error)}`)
      return null
    })
    const errors = service?.errors() ?? ''
    if (errors !== '') say(`place ${number}: ${errors}`)
  }

  /** @returns false when it died before */
  async function recovers(plan: Plan): Promise<boolean> {
    const began = performance.now()
    const alive = service!
    const doomed = plan.whileRecovering && ledger !== null
    const timer = doomed ? setTimeout(() => void alive.kill(), own.below(1500)) : undefined
    const left = await withClient(place.database, (client) => leftAfter(client, alive, recoveryMs))
    clearTimeout(timer)
    if (left.length > 0) report.broken.push(`nothing stuck: ${left.join(', ')} after ${recoveryMs / 1000} s`)
    if (alive.isGone()) return false
    report.looked['nothing stuck'] = (report.looked['nothing stuck'] ?? 0) + 1
    report.longestRecovery = Math.max(report.longestRecovery, (performance.now() - began) / 1000)
    return true
  }

  async function look(): Promise<void> {
    const findings = await checkAtRest(place, baseline, ledger!, service!)
    if (findings === null) return
    const { looked, broken } = findings
    for (const [promise, times] of Object.entries(looked))
      report.looked[promise] = (report.looked[promise] ?? 0) + times
    for (const line of broken) {
      report.broken.push(`place ${number}, start ${starts}: ${line}`)
      say(`BROKEN place ${number}, start ${starts}: ${line}`)
    }
    report.checks++
  }

  async function work(plan: Plan): Promise<void> {
    const alive = service!
    const all = workFor(plan, own).map((name) =>
      keepWorking({ service: alive, place, ledger: ledger!, random: own.fork() }, name),
    )
    const timer = setTimeout(() => void alive.kill(), plan.lifeMs)
    await Promise.all(all)
    clearTimeout(timer)
  }

  function died(): void {
    report.kills++
    if (report.kills % 20 === 0)
      say(
        `${report.kills} kills, ${report.checks} checks, ${report.broken.length} broken, longest recovery ${report.longestRecovery.toFixed(1)} s`,
      )
  }

  return {
    async run(): Promise<void> {
      let plan: Plan = { failpoint: null, lifeMs: 2000, whileRecovering: false }
      await start(plan)
      ledger = await openLedger(service!, place)
      while (starts < startsEach && report.kills < kills && signal?.aborted !== true) {
        if (service !== null && (await recovers(plan))) {
          await look()
          await work(plan)
        }
        if (service !== null) await service.gone
        died()
        plan = plan.next ?? nextPlan()
        await start(plan)
      }
      plan = { failpoint: null, lifeMs: 0, whileRecovering: false }
      await service?.kill()
      await start(plan)
      if (await recovers(plan)) await look()
      for (const [kind, times] of Object.entries(ledger.done))
        report.done[kind] = (report.done[kind] ?? 0) + times
      for (const [what, times] of ledger.refused)
        report.refused.set(what, (report.refused.get(what) ?? 0) + times)
    },
  }
}

/** Waits for all to come to its end. @returns what has not when the time is up, or nothing when the service died */
async function leftAfter(client: pg.ClientBase, service: Service, patienceMs: number): Promise<string[]> {
  for (const began = performance.now(); ;) {
    const left = await unfinishedIn(client)
    if (left.length === 0 || service.isGone()) return []
    if (performance.now() - began > patienceMs) return left
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/**
 * A look in which no schedule came due: what one begins is neither left over nor torn.
 * @returns null when the service died of what came due
 */
async function checkAtRest(
  place: Place,
  baseline: Baseline,
  ledger: Ledger,
  service: Service,
): Promise<Findings | null> {
  for (const began = performance.now(); ;) {
    const before = await runsBegun(place)
    const left = await unfinished(place.database)
    const findings = await check(place, baseline, ledger)
    if (service.isGone()) return null
    if (left.length === 0 && (await runsBegun(place)) === before) return findings
    if (performance.now() - began > recoveryMs)
      return { ...findings, broken: [`nothing stuck: ${left.join(', ')} while it was looked at`] }
  }
}

async function runsBegun({ database }: Place): Promise<string> {
  return withClient(database, async (client) => {
    const { rows } = await client.query<{ runs: string }>('SELECT count(*) AS runs FROM schedule_runs')
    return rows[0]!.runs
  })
}

/** The work that gets to where the service is to die, and some beside it. */
function workFor({ failpoint }: Plan, random: Random): string[] {
  const area = failpoint?.name.split('.')[0] ?? ''
  const wanted = [...(waysTo[area] ?? [])]
  const others = Object.keys(workloads).filter((name) => !wanted.includes(name))
  const atOnce = wanted.length > 0 ? wanted.length + 2 : 5
  while (wanted.length < atOnce) wanted.push(...others.splice(random.below(others.length), 1))
  return wanted
}

const waysTo: Record<string, readonly string[]> = {
  snapshot: ['snapshots'],
  restore: ['restores'],
  export: ['exports'],
  cleanup: ['cleanups', 'files'],
  batch: ['batches', 'deliveries'],
  delivery: ['deliveries'],
  schedule: ['schedules'],
}
