import { check, takeBaseline, unfinished } from './checker.ts'
import { openPlace, type Ends } from './place.ts'
import type { Random } from './random.ts'
import { call, startService, Unanswered } from './service.ts'
import { startWriter } from './source.ts'
import { openLedger, workloads, type Work } from './workloads.ts'

export interface IsolationOptions {
  random: Random
  /** Snapshots to be taken while money moves. */
  snapshots: number
  /** The application's answers are measured in turns of this length, in milliseconds: with Holdfast at work, and without. */
  turnMs: number
  turns: number
}

export interface IsolationReport {
  /** Artifacts whose balances were added up, and what was found against any promise. */
  sums: number
  broken: string[]
  /** What Holdfast did in its turns. */
  done: Record<string, number>
  /** How long the application's transactions took, in milliseconds. */
  alone: Quantiles
  together: Quantiles
  /** p99 with Holdfast at work by p99 without. */
  ratio: number
}

export interface Quantiles {
  transactions: number
  p50: number
  p99: number
}

/**
 * Snapshots, restores and cleanups run beside an application that moves money all the time: the sum holds in each
 * artifact, and the application is not kept waiting.
 */
export async function isolate(ends: Ends, options: IsolationOptions): Promise<IsolationReport> {
  const place = await openPlace(ends, 'folder')
  const baseline = await takeBaseline(place)
  const service = (await startService({ environment: place.environment }))!
  ends.teardown(() => service.kill())
  const ledger = await openLedger(service, place)
  const [alone, together]: number[][] = [[], []]
  let turn = alone!
  const writers = [1, 2, 3].map(() => startWriter(place.source, (ms) => turn.push(ms)))
  ends.teardown(() => Promise.all(writers.map((writer) => writer.stop())))
  const work = { service, place, ledger, random: options.random }
  for (let i = 0; i < options.turns; i++) {
    turn = alone!
    await new Promise((resolve) => setTimeout(resolve, options.turnMs))
    turn = together!
    await workFor(work, options.turnMs)
  }
  while ((ledger.done['snapshots'] ?? 0) < options.snapshots) await workFor(work, 500)
  await Promise.all(writers.map((writer) => writer.stop()))
  while ((await unfinished(place.database)).length > 0)
    await new Promise((resolve) => setTimeout(resolve, 100))
  const { looked, broken } = await check(place, baseline, ledger)
  const figures = { alone: quantiles(alone!), together: quantiles(together!) }
  const ratio = figures.together.p99 / figures.alone.p99
  return { sums: looked['one instant'] ?? 0, broken, done: ledger.done, ...figures, ratio }
}

/** Does each kind of work again and again; what is under way is brought to its end. */
async function workFor(work: Work, ms: number): Promise<void> {
  const end = performance.now() + ms
  const keepOn = async (name: 'restores' | 'cleanups' | 'snapshots', one: () => Promise<void>) => {
    while (performance.now() < end) {
      await one().catch((error: unknown) => {
        if (!(error instanceof Unanswered)) throw error
      })
      work.ledger.done[name] = (work.ledger.done[name] ?? 0) + 1
    }
  }
  await Promise.all([
    keepOn('snapshots', () => keepSnapshot(work)),
    keepOn('restores', () => workloads['restores']!(work)),
    keepOn('cleanups', () => workloads['cleanups']!(work)),
  ])
}

/** One of everything, which stays. */
async function keepSnapshot({ service }: Work): Promise<void> {
  await call(service, 'POST', '/snapshots', { dataset: 'accounts', scope: { all: true } })
}

function quantiles(times: number[]): Quantiles {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number) => Number((sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(2))
  return { transactions: sorted.length, p50: at(0.5), p99: at(0.99) }
}
