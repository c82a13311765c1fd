import { openSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { getHeapSpaceStatistics } from 'node:v8'
import pg from 'pg'

/** What the service's process says of itself when it is asked; in megabytes and milliseconds. */
export interface Vitals {
  /** Of what is still in use, without `code`. */
  heap: number
  /** Of what has been compiled: it rises until every path has been gone often. */
  code: number
  rss: number
  /** How late the event loop was since the last look, at 99 of 100 turns. */
  loop: number
}

/** What can be made to leak on purpose, so that a soak is seen to notice. */
export const leaks = {
  /** A megabyte each second. */
  memory: () => every(1000, () => kept.push(Array.from({ length: 125_000 }, Math.random))),
  /** Fifty each second. */
  handles: () => every(20, () => openSync('/dev/null', 'r')),
  /** One every two seconds. */
  connections: () =>
    every(2000, () =>
      new pg.Client({ connectionString: process.env['DATABASE_URL'] })
        .on('error', () => undefined)
        .connect()
        .catch(() => undefined),
    ),
} as const

export type Leak = keyof typeof leaks

const kept: unknown[] = []

function every(ms: number, leak: () => unknown): void {
  setInterval(leak, ms).unref()
}

const delay = monitorEventLoopDelay({ resolution: 10 })

/** In the process that is looked at; whoever else imports this has no garbage collector to call. */
if (process.send !== undefined && globalThis.gc !== undefined) {
  delay.enable()
  process.on('message', (asked: 'look' | Leak) => (asked === 'look' ? look() : leaks[asked]()))
  process.channel?.unref()
}

function look(): void {
  const loop = delay.percentile(99) / 1e6
  void globalThis.gc!()
  const vitals = { ...heapNow(), rss: process.memoryUsage.rss() / 2 ** 20, loop }
  process.send!(vitals satisfies Vitals)
  delay.reset()
}

/** V8 keeps instructions, and what belongs to them, in spaces of their own. */
function heapNow(): Pick<Vitals, 'heap' | 'code'> {
  const now = { heap: 0, code: 0 }
  for (const { space_name: name, space_used_size: bytes } of getHeapSpaceStatistics())
    now[/^(code|trusted)_/.test(name) ? 'code' : 'heap'] += bytes / 2 ** 20
  return now
}
