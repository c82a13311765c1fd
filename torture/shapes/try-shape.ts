import pg from 'pg'
import { seeded } from '../random.ts'
import { createTables, secure } from './ddl.ts'
import { spoil } from './damage.ts'
import { fill, Numbers } from './fill.ts'
import { declarationOf, modelOf } from './model.ts'
import { list, quote, quoteTable } from './names.ts'
import { observe, recordKeys, type Observed } from './observe.ts'
import type { Shape } from './shape.ts'
import {
  Broken,
  finished,
  Refused,
  restoreTo,
  withoutNames,
  type Bench,
  type Tried,
  type Trial,
} from './steps.ts'
import { tryCleanup } from './try-cleanup.ts'

/** Takes one shape through everything, and looks by own SQL after each step. @throws Broken */
export async function tryShape(bench: Bench, shape: Shape): Promise<Tried> {
  const model = modelOf(shape)
  const client = new pg.Client({ connectionString: bench.owner, application_name: 'shapes' })
  await client.connect()
  const tried: Tried = {
    rows: 0,
    tables: model.tables.length,
    types: [],
    ways: new Map(),
    refused: null,
    hidden: 0,
    removed: 0,
  }
  const trial = { bench, client, model, tried }
  try {
    await client.query(createTables(model))
    await runTrial(trial)
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    tried.refused = error.message
  } finally {
    await client.query('ROLLBACK')
    await client.query(`DROP SCHEMA ${quote(model.schema)} CASCADE`)
    await client.end()
  }
  return tried
}

async function runTrial(trial: Trial): Promise<void> {
  const { client, model, tried } = trial
  const random = seeded(model.shape.seed + 1)
  const numbers = new Numbers()
  await fill(client, model, numbers)
  await load(trial)
  const keys = await recordKeys(client, model)
  const chosen = model.shape.scope === 'all' ? null : keys.filter(() => random() < 0.5)
  const records = chosen === null || chosen.length === 0 ? null : chosen.map(({ record }) => record)
  const scope = records === null ? { all: true } : { keys: chosen!.map(({ key }) => key) }
  const before = await observe(client, model)
  tried.rows = before.length
  tried.types = [...new Set(model.tables.flatMap(({ columns }) => columns.map(({ type }) => type)))]
  const snapshot = await finished(trial, 'snapshots', { dataset: 'shape', scope })
  await refuseHidden(trial, scope)

  tried.ways = await spoil({ client, model, random, numbers, records }, 24)
  const spoilt = await observe(client, model)
  const within = ({ record }: Observed) =>
    records === null ? record !== null : record !== null && records.includes(record)
  const wanted = [...before.filter(within), ...spoilt.filter((row) => !within(row))]
  const restore = await restoreTo(trial, 'restores', { snapshotId: snapshot.id }, wanted, 'a restore')
  await requireSequences(trial, numbers)
  await requireSameLines(trial, scope, snapshot.id)
  if (restore.plan.create + restore.plan.update + restore.plan.delete > 0)
    await restoreTo(trial, `restores/${restore.id}/undo`, undefined, spoilt, 'an undo')
  await tryCleanup(trial, random)
}

async function load({ bench, model, client, tried }: Trial): Promise<void> {
  const { security, seed } = model.shape
  const table = model.tables[seed % model.tables.length]!
  if (security !== null) await client.query(secure(table, security === 'forced'))
  await bench.declare(declarationOf(model))
  if (security === 'forced') {
    if (!/row-level security/.test(problemsOf(bench)))
      throw new Broken(`forced row-level security was not refused: ${problemsOf(bench)}`)
    tried.hidden++
    await client.query(secure(table, false))
    await bench.declare(declarationOf(model))
  }
  const problems = problemsOf(bench)
  if (problems !== '') throw new Refused(`load: ${withoutNames(problems)}`)
}

function problemsOf({ app }: Bench): string {
  const listed = app.datasets.list().find(({ name }) => name === 'shape')
  if (listed === undefined) throw new Error('the dataset file is not there')
  return listed.problems.map(({ path, detail }) => `${path}: ${detail}`).join('; ')
}

/** Row-level security that begins to hide rows while the dataset is loaded must be noticed. */
async function refuseHidden({ bench, model, client, tried }: Trial, scope: object): Promise<void> {
  if (model.shape.seed % 3 > 0) return
  const table = model.tables.at(-1)!
  await client.query(secure(table, true))
  const answer = await bench.call('POST', '/snapshots', { dataset: 'shape', scope }, { prefer: 'wait=60' })
  if (answer.body.status === 'completed')
    throw new Broken('a snapshot was taken although row-level security hides rows')
  if (answer.status >= 500) throw new Broken(`row-level security: ${answer.raw.body}`)
  await client.query(secure(table, false))
  await bench.declare(declarationOf(model))
  tried.hidden++
}

/** Rows can be created by their defaults. */
async function requireSequences({ client, model }: Trial, numbers: Numbers): Promise<void> {
  for (const table of model.tables) {
    await client.query('BEGIN')
    const columns = table.columns.filter(({ value }) => value !== null)
    const n = numbers.next()
    const parent = table.parentColumns.length > 0 ? `, ${list(table.parentColumns)}` : ''
    const from =
      table.parent === null
        ? ''
        : `, ${list(table.parent.linked, 'p')} FROM (SELECT * FROM ${quoteTable(table.parent)} LIMIT 1) p`
    const insert = `INSERT INTO ${quoteTable(table)} (${list(columns)}${parent}) SELECT ${columns.map(({ value }) => value!(n, 0)).join(', ')}${from}`
    try {
      if (columns.length > 0) await client.query(insert)
    } catch (error) {
      throw new Broken(`a row of ${table.name} can't be created any more: ${(error as Error).message}`)
    } finally {
      await client.query('ROLLBACK')
    }
  }
}

async function requireSameLines(trial: Trial, scope: object, first: string): Promise<void> {
  const second = await finished(trial, 'snapshots', { dataset: 'shape', scope })
  const [a, b] = [await linesOf(trial, first), await linesOf(trial, second.id)]
  if (a !== b) throw new Broken('the second snapshot has other record lines than the first')
}

async function linesOf({ bench }: Trial, id: string): Promise<string> {
  const { raw } = await bench.call('GET', `/snapshots/${id}/content`)
  return raw.body.split('\n').slice(1, -1).join('\n')
}
