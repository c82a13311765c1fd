/** How often it is looked whether the process is at rest, in milliseconds. */
const lookMs = 3_000

/** At rest it takes less than this part of a core. */
const restfulShare = 0.05

/** The heap has to have grown by so much since memory was last given back, for it to be worth a moment's standstill. */
const worthwhileGrowth = 1.25

/** Whoever asks little, but all day, isn't made to wait more often than so, in milliseconds. */
const apartMs = 600_000

/** What is seen of the process. */
export interface Look {
  /** Milliseconds; from when doesn't matter. */
  at: number
  /** Processor time it has taken so far, in milliseconds. */
  cpuMs: number
  /** What V8 holds of the system's memory. */
  heapBytes: number
}

/**
 * Gives the system back what V8 keeps of the start and of busy times, once the process is at rest: by itself it hardly
 * does while nothing happens. Collecting all there is takes a tenth of a second, in which nobody is answered. Does
 * nothing unless Node was started with --expose-gc (https://nodejs.org/docs/latest/api/cli.html#--expose-gc).
 */
export function giveBackMemory(): void {
  const collect = globalThis.gc
  if (collect === undefined) return
  const consider = whenAtRest(look, () =>
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' }),
  )
  setInterval(consider, lookMs).unref()
}

function look(): Look {
  const { user, system } = process.cpuUsage()
  return {
    at: performance.now(),
    cpuMs: (user + system) / 1000,
    heapBytes: process.memoryUsage().heapTotal,
  }
}

/** @returns what looks again, and gives back if the process was at rest since the last look and it is worth it */
export function whenAtRest(look: () => Look, giveBack: () => void): () => void {
  let before = look()
  let given: Look | null = null
  return () => {
    const now = look()
    const isAtRest = now.cpuMs - before.cpuMs < restfulShare * (now.at - before.at)
    const isWorthwhile =
      given === null || (now.heapBytes > worthwhileGrowth * given.heapBytes && now.at - given.at >= apartMs)
    before = now
    if (!isAtRest || !isWorthwhile) return
    giveBack()
    before = given = look()
  }
}
