import type { FastifyInstance } from 'fastify'
import { storedChanges } from './queries.ts'

const weekMs = 7 * 86_400_000

/** How many points the curve has, a week apart, the last one now. */
const points = 53

interface Stored {
  at: Date
  snapshots: number
  exports: number
}

/** The size of the drawing, in its own units. */
const [width, height] = [520, 92]

/**
 * How much the snapshots and exports that there are, or that expired, took up at the end of each of the last 53 weeks:
 * drawn as areas one above the other, and as figures for those who read rather than look.
 */
export async function storageOverTime({ orm, clock }: FastifyInstance) {
  const stored = await readStored(orm.em.fork(), clock.now())
  const most = Math.max(1, ...stored.map(({ snapshots, exports }) => snapshots + exports))
  const x = (i: number) => round((i / (points - 1)) * width)
  const y = (bytes: number) => round(height - (bytes / most) * height)
  const floor = stored.map((_, i) => [x(i), height] as const)
  const lower = stored.map(({ snapshots }, i) => [x(i), y(snapshots)] as const)
  const upper = stored.map(({ snapshots, exports }, i) => [x(i), y(snapshots + exports)] as const)
  return {
    ...{ width, height },
    most: Math.max(...stored.map(({ snapshots, exports }) => snapshots + exports)),
    snapshots: area(lower, floor),
    exports: area(upper, lower),
    from: stored[0]!.at,
    now: stored.at(-1)!,
    // Every fourth, so that the table is as long as a year has months.
    table: stored.filter((_, i) => (points - 1 - i) % 4 === 0).toReversed(),
  }
}

async function readStored(em: FastifyInstance['orm']['em'], now: Date): Promise<Stored[]> {
  const ends = Array.from({ length: points }, (_, i) => new Date(now.getTime() - (points - 1 - i) * weekMs))
  const bounds = `{${ends
    .slice(0, -1)
    .map((end) => end.toISOString())
    .join(',')}}`
  const rows = await em.execute<{ span: number; kind: 'snapshots' | 'exports'; bytes: number }[]>(
    storedChanges,
    [bounds, bounds, bounds, bounds],
  )
  const sums = { snapshots: 0, exports: 0 }
  return ends.map((at, span) => {
    for (const row of rows) if (row.span === span) sums[row.kind] += row.bytes
    return { at, snapshots: Math.max(0, sums.snapshots), exports: Math.max(0, sums.exports) }
  })
}

type Point = readonly [x: number, y: number]

/** The path of the area between two lines. */
function area(above: Point[], below: Point[]): string {
  return `M${[...above, ...below.toReversed()].map((point) => point.join(' ')).join('L')}Z`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
