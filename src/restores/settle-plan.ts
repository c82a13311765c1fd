import type pg from 'pg'
import type { ForeignKey } from '../source/catalog.ts'
import type { Dataset } from '../datasets/definition.ts'
import type { KeyValue } from '../snapshots/manifest.ts'
import type { Operations, Plan, PlanWarning } from './plan.ts'
import * as resolve from './resolve-queries.ts'
import { mayHold, type Stage } from './stage.ts'
import { listedWarnings, warn, type Tally } from './stage-records.ts'
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

interface Dangling {
  missing: (string | null)[]
  record: number
  total: number
}

/**
 * Finishes what was staged: finds internal ids and the rows references point at, decides by the declared rules what is
 * left alone, and counts.
 */
export async function settlePlan(options: SettleOptions): Promise<Plan> {
  const { client, stages, tally } = options
  for (const { table, staged } of stages) if (staged.size > 0) await client.query(`ANALYZE ${table}`)
  await resolveExistingRows(options)
  await keepHeldRows(options)
  await resolveCreatedRows(options)
  const blockers = await decideDangling(options)
  const warnings = tally.warnings
  const operations = await countRecords(options)
  const tables = await countTables(options)
  tally.digest.update(JSON.stringify({ identity: options.identity, operations, tables, warnings, blockers }))
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

function needsParent(stage: Stage, parent: Stage): boolean {
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
async function resolveCreatedRows({ client, stages, assign }: SettleOptions): Promise<void> {
  for (const stage of stages) {
    const parent = stages.find(({ node }) => node === stage.node.parent?.node)
    if (assign && stage.node.internal.length > 0 && mayHold(stage, 'c')) {
      await advanceSequences(client, stage, 'there')
      await client.query(resolve.assignInternal(stage))
    }
    if (assign && parent !== undefined && needsParent(stage, parent))
      await client.query(resolve.resolveParents(stage, parent))
  }
  for (const stage of stages) {
    for (const [r, reference] of stage.node.references.entries()) {
      const targets = stages.filter(({ node }) => resolve.sameTable(node.table, reference.table))
      if (targets.length === 0) continue
      if (targets.some((target) => mayHold(target, 'd')))
        await client.query(resolve.forgetDoomed(stage, r, targets))
      for (const target of targets)
        await client.query(resolve.resolveCreatedReference(stage, r, target, assign))
    }
  }
}

/** @returns what must be mended before the plan can be applied */
async function decideDangling({ client, stages, tally }: SettleOptions): Promise<PlanWarning[]> {
  const blockers: PlanWarning[] = []
  for (const stage of stages) {
    const parent = stages.find(({ node }) => node === stage.node.parent?.node)
    if (parent !== undefined) await client.query(resolve.skipBelow(stage, parent))
    for (const [r, reference] of stage.node.references.entries()) {
      const { found, total } = await listDangling(client, stages[0]!, resolve.listDangling(stage, r))
      const said = found.map(({ key, missing }) => ({
        code: `REFERENCE_${rules[reference.missing].code}`,
        table: stage.node.name,
        key,
        detail: `${reference.table.schema}.${reference.table.name} has no ${missing} any more: ${rules[reference.missing].outcome}.`,
      }))
      if (reference.missing === 'fail') blockers.push(...said)
      else {
        for (const warning of said) warn(tally, warning)
        tally.warningCount += total - said.length
      }
      if (reference.missing === 'skip') await client.query(resolve.skipDangling(stage, r))
    }
    blockers.push(...(await brokenPointers(client, stages, stage)))
    blockers.push(...(await rowsElsewhere(client, stages, stage)))
  }
  return blockers
}

const rules = {
  skip: { code: 'SKIPPED', outcome: 'the row is left out' },
  null: { code: 'EMPTIED', outcome: 'the reference is left empty' },
  fail: { code: 'MISSING', outcome: 'the dataset declares that this fails' },
}

/** Foreign keys that no reference is declared for: their rows must be there. */
async function brokenPointers(client: pg.ClientBase, stages: Stage[], stage: Stage): Promise<PlanWarning[]> {
  const blockers: PlanWarning[] = []
  const { node } = stage
  for (const key of node.table.foreignKeys) {
    const declared = node.references.some(({ columns }) =>
      columns.some(({ name }) => key.columns.includes(name)),
    )
    const toParent = node.parent?.columns.every(({ name }) => key.columns.includes(name)) ?? false
    const staged = key.columns.every((name) => stage.restored.some((column) => column.name === name))
    if (declared || toParent || !staged) continue
    const targets = stages.filter(({ node: other }) => resolve.sameTable(other.table, key.references))
    const query = resolve.listBrokenPointers(stage, key, targets, targets)
    for (const { key: record, missing } of (await listDangling(client, stages[0]!, query)).found) {
      blockers.push({
        code: 'REFERENCE_MISSING',
        table: node.name,
        key: record,
        detail: `${key.columns.join(', ')} points at ${missing} in ${key.references.schema}.${key.references.name}, which is not there. Declare a reference with a rule, or restore that row first.`,
      })
    }
  }
  return blockers
}

/** Rows that left their record, for one outside the scope or for none, or that others point at: they can't be in two places. */
async function rowsElsewhere(client: pg.ClientBase, stages: Stage[], stage: Stage): Promise<PlanWarning[]> {
  const key = stage.node.internal.length > 0 ? stage.node.key : stage.identity
  const isWhole = stage.node.table.uniqueKeys.some((unique) =>
    unique.every((name) => key.some((column) => column.name === name)),
  )
  if (stage.node.parent === null || !isWhole || !mayHold(stage, 'c')) return []
  const { found } = await listDangling(client, stages[0]!, resolve.listElsewhere(stage, key))
  return found.map(({ key, missing }) => ({
    code: 'ROW_ELSEWHERE',
    table: stage.node.name,
    key,
    detail: `The row ${missing} belongs to another record now, and stays there: it is outside of what is restored, or other rows point at it. Move or delete it there first.`,
  }))
}

/** The first of them, and how many there are. */
async function listDangling(client: pg.ClientBase, root: Stage, query: string) {
  const { rows } = await client.query<Dangling>(query, [listedWarnings])
  const keys = await keysOf(client, root, rows)
  const found = rows.map(({ missing }, i) => ({ key: keys[i]!, missing: missing.join(', ') }))
  return { found, total: rows[0]?.total ?? 0 }
}

/** Keys of the records that staged rows belong to. */
async function keysOf(
  client: pg.ClientBase,
  root: Stage,
  rows: { record: number }[],
): Promise<(KeyValue[] | null)[]> {
  if (rows.length === 0) return []
  const numbers = [...new Set(rows.map(({ record }) => record))]
  const { rows: found } = await client.query<{ record: number; key: KeyValue[] }>(resolve.listKeys(root), [
    numbers,
  ])
  const keys = new Map(found.map(({ record, key }) => [record, key]))
  return rows.map(({ record }) => keys.get(record) ?? null)
}

async function countRecords({ client, stages, tally }: SettleOptions): Promise<Operations> {
  const { rows } = await client.query<Omit<Operations, 'keep'>>(resolve.countRecords(stages))
  const counted = rows[0]!
  const skip = counted.skip + tally.kept
  return { ...counted, skip, keep: tally.live - counted.update - counted.delete }
}

async function countTables({ client, stages, tally }: SettleOptions): Promise<Record<string, Operations>> {
  const tables: Record<string, Operations> = {}
  for (const stage of stages) {
    const { rows } = await client.query<{ op: string; rows: number }>(resolve.countOperations(stage))
    const count = (op: string) => rows.find((row) => row.op === op)?.rows ?? 0
    const [update, remove] = [count('u'), count('d')]
    const keep = tally.liveRows[stage.index]! - update - remove
    tables[stage.node.name] = { create: count('c'), update, delete: remove, keep, skip: count('x') }
  }
  return tables
}
