import pg from 'pg'
import type { Column } from '../source/catalog.ts'
import type { SourcePool } from '../source/connect.ts'
import * as query from './bulk-queries.ts'
import { restoreProblems } from './errors.ts'
import { mayHold, type Stage } from './stage.ts'

/** From so many staged rows on, looking at the tables first costs less than what every row costs. */
const bulkRows = 10_000

/** How many new rows can be written at once. */
export interface Bulk {
  /** Of stages whose rows are inserted with their foreign keys' triggers off: those keys, to be checked in one go. */
  keys: ReadonlyMap<Stage, query.BulkKey[]>
  /** True when PostgreSQL's count of inserted rows proves them: nothing on the tables can make something else of one. */
  counted: boolean
  /** True when rows may come in any order: every trigger on the tables is one of `keys`. */
  unordered: boolean
}

const oneByOne: Bulk = { keys: new Map(), counted: false, unordered: false }

/**
 * Says what may be done in sets with a restore's new rows: of many rows, on tables with no trigger or rule of the
 * application's. Foreign keys can be left to one check at the end where the role may switch triggers off, where they are
 * all comparable, and where the insert itself brings all of their columns.
 * The tables are locked first, and looked at by another session: this one's instant may not show a trigger that it would fire.
 * @param client in its transaction; @param rows how many are staged
 * @param late columns that an insert leaves out
 */
export async function openBulk(
  client: pg.ClientBase,
  source: SourcePool,
  stages: Stage[],
  rows: number,
  late: ReadonlyMap<Stage, ReadonlySet<Column>>,
): Promise<Bulk> {
  const filled = stages.filter((stage) => mayHold(stage, 'c'))
  if (rows < bulkRows || !(await lockTables(client, filled))) return oneByOne
  const { standing, maySwitchOff } = await survey(source, filled)
  const nothingLate = filled.every((stage) => late.get(stage)!.size === 0)
  const onlyCreated = stages.every((stage) => !mayHold(stage, 'u', 'd'))
  const keys = new Map<Stage, query.BulkKey[]>()
  for (const stage of maySwitchOff ? filled : []) {
    const on = standing.get(stage.node.table.oid)!
    if (isComparable(on) && on.keys.every((key) => isBrought(stage, key, late.get(stage)!)))
      keys.set(stage, on.keys)
  }
  const on = filled.map((stage) => ({ stage, ...standing.get(stage.node.table.oid)! }))
  const plain = on.every((one) => one.plain)
  const answered = on.every((one) => one.ordinary && (one.keys.length === 0 || keys.has(one.stage)))
  const counted = onlyCreated && nothingLate && plain
  return { keys, counted, unordered: counted && answered }
}

/** @returns whether they are locked: there are any, and the role may */
async function lockTables(client: pg.ClientBase, stages: Stage[]): Promise<boolean> {
  const oids = stages.map(({ node }) => node.table.oid)
  const { rows } = await client.query<{ may: boolean | null }>(query.mayLockTables, [oids])
  if (rows[0]!.may !== true) return false
  await client.query(query.lockTables(stages))
  return true
}

function isComparable({ plain, ordinary, keys }: query.Standing): boolean {
  return plain && ordinary && keys.length > 0 && keys.every(({ comparable }) => comparable)
}

function isBrought(stage: Stage, key: query.BulkKey, late: ReadonlySet<Column>): boolean {
  const brought = stage.columns.filter((column) => !late.has(column)).map(({ name }) => name)
  return key.columns.every((name) => brought.includes(name))
}

async function survey(source: SourcePool, stages: Stage[]) {
  return source.withConnection(async (client) => {
    const oids = stages.map(({ node }) => node.table.oid)
    const { rows } = await client.query<query.Standing>(query.surveyTables, [oids])
    return { standing: new Map(rows.map((on) => [on.oid, on])), maySwitchOff: await maySwitchOff(client) }
  })
}

const insufficientPrivilege = '42501'

async function maySwitchOff(client: pg.ClientBase): Promise<boolean> {
  try {
    await client.query(query.trySwitchingOff)
    return true
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === insufficientPrivilege) return false
    throw error
  }
}

/** Inserts rows whose foreign keys `checkKeys` has to answer for. */
export async function insertUnchecked(client: pg.ClientBase, insert: string): Promise<pg.QueryResult> {
  await client.query(query.switchTriggersOff)
  const result = await client.query(insert)
  await client.query(query.switchTriggersOn)
  return result
}

/**
 * Makes up for the triggers that were off: every row that is pointed at is there, and stays.
 * @throws Problem RESTORE_NOT_PROVEN
 */
export async function checkKeys(client: pg.ClientBase, { keys }: Bulk): Promise<void> {
  for (const [stage, all] of keys) {
    for (const key of all) {
      const { rows } = await client.query<{ wanted: number; there: number }>(query.countPointers(stage, key))
      const { wanted, there } = rows[0]!
      if (wanted === there) continue
      throw restoreProblems.RESTORE_NOT_PROVEN(
        `${stage.node.name}: of ${wanted} rows that ${key.name} points at in ${key.references.schema}.${key.references.name}, ${wanted - there} are not there.`,
      )
    }
  }
}
