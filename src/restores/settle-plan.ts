import type pg from 'pg'
import type { ForeignKey } from '../source/catalog.ts'
import type { Dataset } from '../datasets/definition.ts'
import { findBlockers } from './blockers.ts'
import type { Operations, Plan, PlanWarning } from './plan.ts'
import * as resolve from './resolve-queries.ts'
import { mayHold, type Stage } from './stage.ts'
import { warn, type Tally } from './stage-records.ts'
import { keysOf, listRows } from './staged-records.ts'
import { advanceSequences } from './write-rows.ts'

export interface SettleOptions {
  client: pg.ClientBase
  dataset: Dataset
  stages: Stage[]
  tally: Tally
  /** True while applying: rows to create then get their new internal ids. A plan takes none from the sequences. */
  assign: boolean
  /** What else the hash is over: the snapshot, mode and keys. */
  identity: unknown
}

/**
 * Finishes what was staged: finds internal ids and the rows references point at, decides by the declared rules what is
 * left alone, and counts.
 */
export async function settlePlan(options: SettleOptions): Promise<Plan> {
  const { client, stages, tally } = options
  await analyzeStages(options)
  await resolveExistingRows(options)
  await keepHeldRows(options)
  await findCreatedRows(options)
  await skipRows(options)
  const blockers = [...(await decideDangling(options)), ...(await findBlockers(client, stages))]
  if (options.assign) await assignCreated(options)
  const operations = await countRecords(options)
  return concludePlan(tally, options.identity, { operations, tables: await countTables(options), blockers })
}

/** The plan that was found, with its hash. Nothing can be tallied any more. */
export function concludePlan(
  tally: Tally,
  identity: unknown,
  { operations, tables, blockers }: Pick<Plan, 'operations' | 'tables' | 'blockers'>,
): Plan {
  const warnings = tally.warnings
  tally.digest.update(JSON.stringify({ identity, operations, tables, warnings, blockers }))
  return {
    operations,
    tables,
    warnings,
    warningCount: tally.warningCount,
    blockers,
    sample: tally.sample,
    hash: tally.digest.digest('hex'),
    differences: tally.differences,
    differing: tally.differing,
  }
}

/** The rows are counted whole either way; a tenth of the usual sample tells enough of their values, in a tenth of the time. */
async function analyzeStages({ client, stages }: SettleOptions): Promise<void> {
  await client.query('SET LOCAL default_statistics_target = 10')
  for (const { table, staged } of stages) if (staged.size > 0) await client.query(`ANALYZE ${table}`)
}

/** Parents before children: a row is found by its parent and its key among its siblings. */
async function resolveExistingRows({ client, stages }: SettleOptions): Promise<void> {
  for (const stage of stages) {
    const parent = stages.find(({ node }) => node === stage.node.parent?.node)
    if (parent !== undefined && needsParent(stage, parent))
      await client.query(resolve.resolveParents(stage, parent))
    for (const r of stage.node.references.keys()) await client.query(resolve.resolveReference(stage, r))
    if (!mayHold(stage, 'u', 'd', 'k')) continue
    if (stage.node.internal.length > 0) await client.query(resolve.resolveExisting(stage))
    const { rows } = await client.query<{ rows: number }>(resolve.countUnidentified(stage))
    if (rows[0]!.rows > 0)
      throw new Error(`${rows[0]!.rows} rows of ${stage.node.name} could not be found again`)
  }
}

/** Whether what a row has of its parent can only be told once that one was found or created. */
export function needsParent(stage: Stage, parent: Stage): boolean {
  const plain = (name: string) =>
    parent.restored.some((column) => column.name === name) &&
    !parent.node.references.some(({ columns }) => columns.some((column) => column.name === name))
  return !stage.node.parent!.parentColumns.every(({ name }) => plain(name))
}

/** Deletes that would reach beyond what is staged are not made, each with everything that would have gone with it. */
async function keepHeldRows({ client, stages, tally }: SettleOptions): Promise<void> {
  for (;;) {
    const held: { top: string; warning: PlanWarning }[] = []
    for (const stage of stages.filter((stage) => mayHold(stage, 'd'))) {
      for (const key of stage.node.table.referencedBy)
        held.push(...(await heldBy(client, stages, stage, key)))
    }
    if (held.length === 0) return
    for (const { warning } of held) warn(tally, warning)
    const tops = [...new Set(held.map(({ top }) => top))]
    for (const stage of stages) await client.query(resolve.keepHeld(stage), [tops])
  }
}

async function heldBy(client: pg.ClientBase, stages: Stage[], stage: Stage, key: ForeignKey) {
  const holders = stages.filter(({ node }) => resolve.sameTable(node.table, key.table))
  const { rows } = await client.query<{ top: string; record: number; rows: number }>(
    resolve.listHeld(stage, key, holders),
  )
  const keys = await keysOf(client, stages[0]!, rows)
  return rows.map((row, i) => ({
    top: row.top,
    warning: {
      code: 'REFERENCED_KEPT',
      table: stage.node.name,
      key: keys[i]!,
      detail: `Kept, because ${row.rows === 1 ? 'a row' : `${row.rows} rows`} of ${key.table.schema}.${key.table.name} that this restore does not delete would lose what ${key.columns.join(', ')} points at.`,
    },
  }))
}

/** References of rows to create or change: now also to rows that are created, and no more to rows that go. */
async function findCreatedRows({ client, stages }: SettleOptions): Promise<void> {
  for (const { stage, r, targets } of referencesWithin(stages)) {
    if (targets.some((target) => mayHold(target, 'd')))
      await client.query(resolve.forgetDoomed(stage, r, targets))
    for (const target of targets) await client.query(resolve.findCreated(stage, r, target))
  }
}

/** References to tables of the dataset, each with the stages of its table. */
function referencesWithin(stages: Stage[]): { stage: Stage; r: number; targets: Stage[] }[] {
  return stages.flatMap((stage) =>
    stage.node.references.flatMap((reference, r) => {
      const targets = stages.filter(({ node }) => resolve.sameTable(node.table, reference.table))
      return targets.length === 0 ? [] : [{ stage, r, targets }]
    }),
  )
}

/** Rule `skip`, until nothing follows from it: what is below a row that isn't created, or points at it, has none. */
async function skipRows(options: SettleOptions): Promise<void> {
  const { client, stages } = options
  for (;;) {
    let skipped = 0
    for (const stage of stages) {
      const parent = stages.find(({ node }) => node === stage.node.parent?.node)
      if (parent !== undefined) skipped += await countOf(client, resolve.skipBelow(stage, parent))
      for (const [r, { missing }] of stage.node.references.entries()) {
        if (missing !== 'skip') continue
        warnOf(options.tally, await listDangling(options, stage, r))
        skipped += await countOf(client, resolve.skipDangling(stage, r))
      }
    }
    if (skipped === 0) return
    for (const { stage, r, targets } of referencesWithin(stages))
      await client.query(resolve.forgetSkipped(stage, r, targets))
  }
}

async function countOf(client: pg.ClientBase, query: string): Promise<number> {
  return (await client.query(query)).rowCount ?? 0
}

/** The other rules. @returns what must be mended before the plan can be applied */
async function decideDangling(options: SettleOptions): Promise<PlanWarning[]> {
  const blockers: PlanWarning[] = []
  for (const stage of options.stages) {
    for (const [r, { missing }] of stage.node.references.entries()) {
      if (missing === 'skip') continue
      const listed = await listDangling(options, stage, r)
      if (missing === 'fail') blockers.push(...listed.said)
      else warnOf(options.tally, listed)
    }
  }
  return blockers
}

interface Listed {
  said: PlanWarning[]
  total: number
}

function warnOf(tally: Tally, { said, total }: Listed): void {
  for (const warning of said) warn(tally, warning)
  tally.warningCount += total - said.length
}

/** Rows whose reference points at nothing that is there or will be: what is said of the first, and how many there are. */
async function listDangling({ client, stages }: SettleOptions, stage: Stage, r: number): Promise<Listed> {
  const { table, missing: rule } = stage.node.references[r]!
  const { found, total } = await listRows(client, stages[0]!, resolve.listDangling(stage, r))
  const said = found.map(({ key, missing }) => ({
    code: `REFERENCE_${rules[rule].code}`,
    table: stage.node.name,
    key,
    detail: `${table.schema}.${table.name} has no ${missing} any more: ${rules[rule].outcome}.`,
  }))
  return { said, total }
}

const rules = {
  skip: { code: 'SKIPPED', outcome: 'the row is left out' },
  null: { code: 'EMPTIED', outcome: 'the reference is left empty' },
  fail: { code: 'MISSING', outcome: 'the dataset declares that this fails' },
}

/** New internal ids for what is to be created, and what points at it. */
async function assignCreated({ client, stages }: SettleOptions): Promise<void> {
  for (const stage of stages.filter((stage) => mayHold(stage, 'c'))) {
    const parent = stages.find(({ node }) => node === stage.node.parent?.node)
    if (stage.node.internal.length > 0) {
      await advanceSequences(client, stage, 'there')
      await client.query(resolve.assignInternal(stage))
    }
    if (parent !== undefined && needsParent(stage, parent))
      await client.query(resolve.resolveParents(stage, parent))
  }
  for (const { stage, r, targets } of referencesWithin(stages))
    for (const target of targets) await client.query(resolve.assignReference(stage, r, target))
}

async function countRecords({ client, stages, tally }: SettleOptions): Promise<Operations> {
  const { rows } = await client.query<Omit<Operations, 'keep'>>(resolve.countRecords(stages))
  return operationsOf(tally, rows[0]!)
}

/** @param counted of records that are staged */
export function operationsOf(
  tally: Tally,
  { create, update, delete: remove, skip }: Omit<Operations, 'keep'>,
): Operations {
  return { create, update, delete: remove, skip: skip + tally.kept, keep: tally.live - update - remove }
}

async function countTables({ client, stages, tally }: SettleOptions): Promise<Record<string, Operations>> {
  const tables: Record<string, Operations> = {}
  for (const stage of stages) {
    const { rows } = await client.query<{ op: string; rows: number }>(resolve.countOperations(stage))
    const count = (op: string) => rows.find((row) => row.op === op)?.rows ?? 0
    const [update, remove] = [count('u'), count('d')]
    const keep = tally.liveRows[stage.index]! - update - remove
    tally.created[stage.index] = count('c')
    tables[stage.node.name] = { create: count('c'), update, delete: remove, keep, skip: count('x') }
  }
  return tables
}
