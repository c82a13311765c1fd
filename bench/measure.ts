import { setImmediate } from 'node:timers/promises'

/** One thing to time. */
export interface Case {
  name: string
  /** True for what the others are compared with. */
  baseline?: boolean
  /** True when another process does the work: then this one's memory says nothing. */
  elsewhere?: boolean
  /** Rows or records that one run goes through. */
  rows: number
  /** How often a round runs it; its time is that of one. Default once. */
  repeat?: number
  /** Not timed. */
  before?(): Promise<void>
  run(): Promise<void>
  /** Not timed. */
  after?(): Promise<void>
}

/** What came out of a case. */
export interface Figure {
  name: string
  baseline: boolean
  rows: number
  /** Seconds of each round. */
  seconds: number[]
  /** Most memory of this process (resident set) while it ran, in bytes, over all rounds; null when elsewhere. */
  peakRss: number | null
}

/**
 * Runs the cases in turns, round after round, so that whatever else the machine does falls on all of them alike. One
 * round that doesn't count goes first.
 */
export async function measure(cases: Case[], rounds: number): Promise<Figure[]> {
  const figures = cases.map(({ name, baseline = false, elsewhere = false, rows }): Figure => {
    return { name, baseline, rows, seconds: [], peakRss: elsewhere ? null : 0 }
  })
  for (let round = 0; round <= rounds; round++) {
    for (const [i, one] of cases.entries()) {
      const { seconds, peakRss } = await runOnce(one)
      const figure = figures[i]!
      if (round > 0) figure.seconds.push(seconds)
      if (figure.peakRss !== null) figure.peakRss = Math.max(figure.peakRss, peakRss)
    }
  }
  return figures
}

/** A case once, without the round that doesn't count. */
export async function runOnce({
  repeat = 1,
  before,
  run,
  after,
}: Case): Promise<{ seconds: number; peakRss: number }> {
  let spent = 0
  let peakRss = 0
  for (let i = 0; i < repeat; i++) {
    await before?.()
    globalThis.gc?.()
    await setImmediate()
    const watch = watchMemory()
    const start = performance.now()
    await run()
    spent += performance.now() - start
    peakRss = Math.max(peakRss, watch.stop())
    await after?.()
  }
  return { seconds: spent / repeat / 1000, peakRss }
}

/** Looks every few milliseconds. */
function watchMemory(): { stop(): number } {
  let peak = process.memoryUsage.rss()
  const look = () => (peak = Math.max(peak, process.memoryUsage.rss()))
  const timer = setInterval(look, 10)
  return {
    stop() {
      clearInterval(timer)
      return look()
    },
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** How many times as long as the other: the median of the rounds' ratios, since a round's runs share its noise. */
export function ratio(figure: Figure, to: Figure): number {
  return median(figure.seconds.map((seconds, round) => seconds / to.seconds[round]!))
}
