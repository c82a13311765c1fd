import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import type { Test } from 'tap'
import { caller, token } from '../test/snapshots/service.ts'
import { testApp } from '../test/support/app.ts'
import { sql, testDatabase } from '../test/support/postgres.ts'
import type { Ends } from './place.ts'
import type { Way } from './shapes/damage.ts'
import { shapes, type Shape, type Wanted } from './shapes/shape.ts'
import { Broken, meet, type Bench, type Tried } from './shapes/steps.ts'
import { tryShape } from './shapes/try-shape.ts'
import { setup } from './shapes/values.ts'

export interface ShapesOptions {
  seed: number
  /** Shapes are tried until so many rows have gone through. */
  rows: number
  /** One shape in so many has a value of ten megabytes. */
  largeEvery: number
  /** One in so many has ten thousand rows and more, which count by themselves. Default none. */
  bulkEvery?: number
  say?: (line: string) => void
  /** Looks for the smallest shape that still fails. */
  shrink?: boolean
}

export interface ShapesReport {
  shapes: number
  rows: number
  tables: number
  types: Set<string>
  ways: Map<Way, number>
  met: Map<string, number>
  /** Plans that the product rightly said can't be applied, by mode and code. */
  blocked: Map<string, number>
  /** Shapes that the product would not do, by what it said. */
  refused: Map<string, number>
  hidden: number
  removed: number
  broken: string[]
}

const large = 10_000_000

/** What is broken so often needs no further proof. */
const enough = 20

/** The share of shapes that the product may refuse, lest refusals hide what it can't do. */
const refusable = 0.1

/** Whether nothing broke, and little was refused. */
export function tolerates({ shapes, refused, broken }: ShapesReport): boolean {
  const times = [...refused.values()].reduce((sum, some) => sum + some, 0)
  return broken.length === 0 && times <= shapes * refusable
}

/** Makes schemas and rows from a seed, and has each snapshotted, spoilt, restored, cleaned up and undone. */
export async function tryShapes(ends: Ends, options: ShapesOptions): Promise<ShapesReport> {
  const bench = await openBench(ends)
  const report: ShapesReport = {
    ...{ shapes: 0, rows: 0, tables: 0, types: new Set() },
    ...{ ways: new Map(), met: new Map(), blocked: new Map(), refused: new Map() },
    ...{ hidden: 0, removed: 0, broken: [] },
  }
  for (let i = 0; report.rows < options.rows && report.broken.length < enough; i++) {
    const seed = options.seed * 1000 + i
    const every = (times = 0) => (i + 1) % times === 0
    const wanted = { large: every(options.largeEvery) ? large : 0, bulk: every(options.bulkEvery) }
    const failure = await tryOne(bench, seed, wanted, options.shrink ?? false, (tried) =>
      count(report, tried, wanted),
    )
    if (failure === null) continue
    report.broken.push(`seed ${seed}: ${failure}`)
    options.say?.(report.broken.at(-1)!)
  }
  return report
}

/** @returns what broke, with the shape; null when nothing did */
async function tryOne(
  bench: Bench,
  seed: number,
  wanted: Wanted,
  shrink: boolean,
  done: (tried: Tried) => void,
) {
  const property = fc.asyncProperty(shapes(wanted), async (shape: Shape) =>
    done(await tryShape(bench, shape)),
  )
  const details = await fc.check(property, { seed, numRuns: 1, endOnFailure: !shrink })
  if (!details.failed) return null
  const error = details.errorInstance as Error
  const [shape] = details.counterexample!
  return `${error instanceof Broken ? error.message : error.stack}\n${JSON.stringify(shape)}`
}

function count(report: ShapesReport, tried: Tried, { bulk }: Wanted): void {
  report.shapes++
  if (!bulk) report.rows += tried.rows
  report.tables += tried.tables
  for (const type of tried.types) report.types.add(type)
  for (const [way, times] of tried.ways) meet(report.ways, way, times)
  for (const [what, times] of tried.met) meet(report.met, what, times)
  for (const [what, times] of tried.blocked) meet(report.blocked, what, times)
  if (tried.refused !== null) meet(report.refused, tried.refused)
  report.hidden += tried.hidden
  report.removed += tried.removed
}

/** The service over a source whose role owns its tables and is no superuser. */
async function openBench(ends: Ends): Promise<Bench> {
  const t = ends as unknown as Test
  const superuser = await testDatabase(t)
  const role = `shapes_${randomBytes(6).toString('hex')}`
  await sql(superuser, setup)
  await sql(superuser, `CREATE ROLE ${role} LOGIN PASSWORD '${role}'`)
  const database = new URL(superuser).pathname.slice(1)
  await sql(superuser, `GRANT ALL ON DATABASE ${database} TO ${role}`)
  await sql(superuser, `GRANT SET ON PARAMETER session_replication_role TO ${role}`)
  ends.teardown(() => sql(superuser, `DROP OWNED BY ${role}; DROP ROLE ${role}`))
  const owner = Object.assign(new URL(superuser), { username: role, password: role }).href
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-shapes-'))
  ends.teardown(() => rm(folder, { recursive: true, force: true }))
  const app = await testApp(t, {
    environment: {
      ...{ HOLDFAST_SOURCE_APP_URL: owner, HOLDFAST_DATASETS: folder, HOLDFAST_BOOTSTRAP_TOKEN: token },
    },
  })
  const declare = async (declaration: object) => {
    await writeFile(join(folder, 'shape.yaml'), JSON.stringify(declaration))
    await app.datasets.reload()
  }
  return { call: caller(app), app, owner, declare }
}
