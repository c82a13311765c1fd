import pg from 'pg'
import { seeded } from '../random.ts'
import { createTables, secure } from './ddl.ts'
import { emptyAll, spoil } from './damage.ts'
import { expected, isDue, type Mode, type Sides } from './expected.ts'
import { countLarge, fill, firstTargets, Numbers, shorten } from './fill.ts'
import { declarationOf, modelOf } from './model.ts'
import { list, quote, quoteTable } from './names.ts'
import { observe, periods, recordKeys, recordsWithin, type Observed } from './observe.ts'
import type { Shape } from './shape.ts'
import {
  Blocked,
  Broken,
  finished,
  meet,
  Refused,
  type Answer,
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
    ...{ ways: new Map(), met: new Map(), blocked: new Map() },
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
  const { scope, records } = await chooseScope(trial, random)
  const before = await observe(client, model)
  tried.rows = before.length
  tried.types = [...new Set(model.tables.flatMap(({ columns }) => columns.map(({ type }) => type)))]
  const snapshot = await finished(trial, 'snapshots', { dataset: 'shape', scope })
  await refuseHidden(trial, scope)

  const large = await damage({ client, model, random, numbers, records }, tried)
  const spoilt = await observe(client, model)
  const within = ({ record }: Observed) => record !== null && (records?.includes(record) ?? true)
  const sides = { before, spoilt, within }
  const restored = await tryMode(trial, 'replace', snapshot.id, sides)
  if (restored === null) throw new Refused('plan: VALUE_TAKEN or ROW_ELSEWHERE, rightly')
  await requireSequences(trial, numbers)
  await requireSameLines(trial, scope, snapshot.id)
  await requireShape(trial, large)
  await undo(trial, restored, spoilt)
  const again = await tryMode(trial, model.shape.mode, snapshot.id, sides)
  if (again !== null) await undo(trial, again, spoilt)
  await tryCleanup(trial, random)
}

/** @returns the scope as a request has it, and the records in it; null for all there are */
async function chooseScope({ client, model, tried }: Trial, random: () => number) {
  const { scope } = model.shape
  const keys = await recordKeys(client, model)
  const chosen = scope === 'keys' ? keys.filter(() => random() < 0.5) : await recordsWithin(client, model)
  if (scope === 'all' || chosen.length === 0) return { scope: { all: true }, records: null }
  meet(tried.met, `scope ${scope}`)
  const records = chosen.map(({ record }) => record)
  if (scope === 'keys') return { scope: { keys: chosen.map(({ key }) => key) }, records }
  return { scope: periods[scope].scope, records }
}

/** Spoils rows, and takes what is large away. @returns how many large values there were */
async function damage(work: Parameters<typeof spoil>[0], tried: Tried): Promise<number> {
  const { client, model, records } = work
  const { large, emptied } = model.shape
  const there = large > 0 ? await countLarge(client, model.tables[0]!, large) : 0
  if (there > 0) await shorten(client, model.tables[0]!, large)
  tried.ways = await spoil(work, 24)
  // An undo would keep the protected ones of what comes back.
  if (emptied && records === null && model.tables[0]!.protect === null) {
    await emptyAll(client, model)
    meet(tried.met, 'everything emptied')
  }
  return there
}

/** @returns the restore; null where the plan says that it can't be applied, and is right */
async function tryMode(trial: Trial, mode: Mode, snapshotId: string, sides: Sides): Promise<Answer | null> {
  const { tried } = trial
  try {
    const restored = await restoreTo(
      trial,
      'restores',
      { snapshotId, mode },
      expected(mode, sides),
      `a restore (${mode})`,
    )
    meet(tried.met, `mode ${mode}`)
    return restored
  } catch (error) {
    if (!(error instanceof Blocked)) throw error
    if (!isDue(error.code, sides)) throw new Refused(`plan (${mode}): ${withoutNames(error.message)}`)
    meet(tried.blocked, `${mode} ${error.code}`)
    return null
  }
}

async function undo(trial: Trial, { id, plan }: Answer, spoilt: Observed[]): Promise<void> {
  if (plan.create + plan.update + plan.delete > 0)
    await restoreTo(trial, `restores/${id}/undo`, undefined, spoilt, 'an undo')
}

/** What the shape was made for has come back, in the way that it was made for. */
async function requireShape({ client, model, tried }: Trial, large: number): Promise<void> {
  const { shape, tables } = model
  meet(
    tried.met,
    'NOT NULL pointer',
    tables.flatMap(({ pointers }) => pointers).filter(({ required }) => required).length,
  )
  if (shape.large > 0) {
    const back = await countLarge(client, tables[0]!, shape.large)
    if (back === 0 || back !== large) throw new Broken(`${back} of ${large} large values are back`)
    meet(tried.met, `value of ${shape.large} bytes`, back)
  }
  if (!shape.bulk) return
  // A column that is left out has its default from the session that inserted the row.
  const { rows } = await client.query<{ rows: number; unchecked: number }>(
    `SELECT count(*)::int AS rows, (count(*) FILTER (WHERE ${list(tables[1]!.omitted)} = 'replica'))::int AS unchecked FROM ${quoteTable(tables[1]!)}`,
  )
  const { rows: all, unchecked } = rows[0]!
  if (tried.rows < 10_000 || unchecked < all)
    throw new Broken(`${unchecked} of ${all} rows, of ${tried.rows} in all, came in bulk`)
  meet(tried.met, 'row in bulk', unchecked)
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
    const pointing = firstTargets(table)
    const given = [...columns.map(({ value }) => value!(n, 0)), ...pointing.values()]
    const insert = `INSERT INTO ${quoteTable(table)} (${list([...columns, ...pointing.keys()])}${parent}) SELECT ${given.join(', ')}${from}`
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
