import type pg from 'pg'
import type { Column, ForeignKey } from '../source/catalog.ts'
import type { SourcePool } from '../source/connect.ts'
import { checkKeys, insertUnchecked, openBulk, type Bulk } from './bulk.ts'
import { restoreProblems } from './errors.ts'
import type { PlanWarning } from './plan.ts'
import { sameTable } from './resolve-queries.ts'
import { mayHold, type Stage } from './stage.ts'
import type { Tally } from './stage-records.ts'
import * as write from './write-queries.ts'

/**
 * Locks every row that is to be changed or deleted. The transaction's snapshot is what was compared and captured:
 * under repeatable read PostgreSQL refuses the lock on a row that has changed since (40001), so what is locked is what
 * the safety snapshot holds.
 */
export async function lockRows(client: pg.ClientBase, stages: Stage[]): Promise<void> {
  for (const stage of stages.filter((stage) => mayHold(stage, 'u', 'd'))) {
    const { rows } = await client.query<{ rows: number }>(write.lockRows(stage))
    const { rows: counted } = await client.query<{ rows: number }>(write.countToLock(stage))
    if (rows[0]!.rows !== counted[0]!.rows) throw new Error(`rows of ${stage.node.name} could not be locked`)
  }
}

/**
 * Writes what is staged, in an order that constraints allow, and proves it: every row that should be there is, every
 * one that should be gone is gone. Nothing is committed here.
 * @returns warnings about rows that the application's triggers made different
 * @throws Problem RESTORE_NOT_PROVEN; the database's own errors
 */
export async function writeRows(
  client: pg.ClientBase,
  { stages, tally }: { stages: Stage[]; tally: Tally },
  source: SourcePool,
): Promise<PlanWarning[]> {
  const late = lateColumns(stages)
  const bulk = await openBulk(client, source, stages, tally.staged, late)
  // The application's triggers expect its own search path; every name in our statements is qualified.
  await client.query('SET LOCAL search_path TO DEFAULT')
  await client.query('SET CONSTRAINTS ALL DEFERRED')
  await deleteRows(client, stages)
  await parkRows(client, stages)
  const created = await insertRows(client, stages, late, bulk)
  await updateRows(client, stages, late)
  await client.query('SET CONSTRAINTS ALL IMMEDIATE')
  await checkKeys(client, bulk)
  for (const stage of stages) if (mayHold(stage, 'c')) await advanceSequences(client, stage, 'created')
  return bulk.counted ? proveByCount(created, tally) : proveRows(client, stages)
}

async function deleteRows(client: pg.ClientBase, stages: Stage[]): Promise<void> {
  for (const { stage, key, target } of linksWithin(stages)) {
    if (mayHold(target, 'd') && write.looseColumns(stage, key).length > 0)
      await client.query(write.detach(stage, key, target))
  }
  for (const stage of stages.toReversed())
    if (mayHold(stage, 'd')) await client.query(write.deleteRows(stage))
}

/** Foreign keys from one table of the dataset to another, or to itself, but for those to the parent. */
function linksWithin(stages: Stage[]): { stage: Stage; key: ForeignKey; target: Stage }[] {
  return stages.flatMap((stage) =>
    stage.node.table.foreignKeys.flatMap((key) =>
      stages
        .filter((target) => sameTable(target.node.table, key.references))
        .filter(
          (target) => target.node !== stage.node.parent?.node || write.looseColumns(stage, key).length > 0,
        )
        .map((target) => ({ stage, key, target })),
    ),
  )
}

/** Before rows are created, which may have a unique value that another is about to give up. */
async function parkRows(client: pg.ClientBase, stages: Stage[]): Promise<void> {
  for (const stage of stages.filter((stage) => mayHold(stage, 'u'))) {
    const parkable = write.parkable(stage)
    if (parkable.length > 0) await client.query(write.parkRows(stage, parkable))
  }
}

/** Columns of each stage that have to wait, because what they point at is created later. */
export function lateColumns(stages: Stage[]): Map<Stage, Set<Column>> {
  const late = new Map(stages.map((stage) => [stage, new Set<Column>()]))
  for (const { stage, key, target } of linksWithin(stages)) {
    if (target.index > stage.index)
      for (const column of write.looseColumns(stage, key)) late.get(stage)!.add(column)
  }
  return late
}

/** @returns how many rows of each stage PostgreSQL says that it inserted */
async function insertRows(
  client: pg.ClientBase,
  stages: Stage[],
  late: Map<Stage, Set<Column>>,
  { keys }: Bulk,
): Promise<Map<Stage, number>> {
  const created = new Map<Stage, number>()
  for (const stage of stages.filter((stage) => mayHold(stage, 'c'))) {
    const unchecked = keys.has(stage)
    const insert = write.insertRows(stage, late.get(stage)!, !unchecked)
    const { rowCount } = unchecked ? await insertUnchecked(client, insert) : await client.query(insert)
    created.set(stage, rowCount ?? 0)
  }
  return created
}

async function updateRows(
  client: pg.ClientBase,
  stages: Stage[],
  late: Map<Stage, Set<Column>>,
): Promise<void> {
  for (const stage of stages) {
    const columns = write.updatedColumns(stage)
    if (columns.length === 0 || !mayHold(stage, 'u')) continue
    await client.query(write.updateRows(stage, columns, 'u'))
  }
  for (const [stage, columns] of late) {
    if (columns.size > 0 && mayHold(stage, 'c'))
      await client.query(write.updateRows(stage, [...columns], 'c'))
  }
}

/** Steps taken one by one are safe beside a running application; only a longer way is jumped. */
const steps = 100_000n

/**
 * Moves sequences past the highest value that was created, so that the application's next insert works; or, before new
 * internal ids are taken, past the highest that is there, which rows may have that were given their ids by hand.
 */
export async function advanceSequences(
  client: pg.ClientBase,
  stage: Stage,
  of: 'created' | 'there',
): Promise<void> {
  const { internal } = stage.node
  const owned = write.sequenceColumns(stage)
  for (const one of of === 'created' ? owned : owned.filter(({ column }) => internal.includes(column))) {
    const { rows } = await client.query<{ name: string; highest: string | null; gap: string | null }>(
      write.sequenceGap(stage, one, of),
    )
    const { name, highest, gap } = rows[0]!
    if (highest === null || BigInt(gap!) <= 0n) continue
    if (BigInt(gap!) <= steps) {
      await client.query(
        'SELECT pg_catalog.max(pg_catalog.nextval($1::regclass)) FROM pg_catalog.generate_series(1, $2)',
        [name, gap],
      )
    } else await client.query('SELECT pg_catalog.setval($1::regclass, $2)', [name, highest])
  }
}

/** Where nothing can come between a statement and its rows, every row that it counts is there as it was sent. */
export function proveByCount(created: ReadonlyMap<Stage, number>, tally: Tally): PlanWarning[] {
  for (const [{ node, index }, present] of created) {
    const wanted = tally.created[index]!
    if (present === wanted) continue
    throw restoreProblems.RESTORE_NOT_PROVEN(
      `${node.name}: ${wanted - present} of ${wanted} rows could not be created.`,
    )
  }
  return []
}

async function proveRows(client: pg.ClientBase, stages: Stage[]): Promise<PlanWarning[]> {
  const warnings: PlanWarning[] = []
  for (const stage of stages) {
    const { wanted, present, exact } = await countPresent(client, stage)
    const left = await countSurvivors(client, stage)
    if (present < wanted || left > 0) {
      throw restoreProblems.RESTORE_NOT_PROVEN(
        `${stage.node.name}: ${wanted - present} of ${wanted} rows are missing and ${left} are still there that should be gone. A trigger or rule of the application may prevent it.`,
      )
    }
    if (exact < wanted) {
      warnings.push({
        code: 'ALTERED_BY_TRIGGER',
        table: stage.node.name,
        key: null,
        detail: `${wanted - exact} of ${wanted} rows are back but not exactly as in the snapshot: a trigger of the application changed them.`,
      })
    }
  }
  return warnings
}

async function countPresent(client: pg.ClientBase, stage: Stage): Promise<write.Present> {
  if (!mayHold(stage, 'c', 'u')) return { wanted: 0, present: 0, exact: 0 }
  const { rows } = await client.query<write.Present>(write.proveRows(stage))
  return rows[0]!
}

async function countSurvivors(client: pg.ClientBase, stage: Stage): Promise<number> {
  if (!mayHold(stage, 'd')) return 0
  const { rows } = await client.query<{ rows: number }>(write.countSurvivors(stage))
  return rows[0]!.rows
}
