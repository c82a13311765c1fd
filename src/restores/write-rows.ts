import type pg from 'pg'
import type { Column, ForeignKey } from '../source/catalog.ts'
import { restoreProblems } from './errors.ts'
import type { PlanWarning } from './plan.ts'
import { sameTable } from './resolve-queries.ts'
import type { Stage } from './stage.ts'
import * as write from './write-queries.ts'

/**
 * Locks every row that is to be changed or deleted. The transaction's snapshot is what was compared and captured:
 * under repeatable read PostgreSQL refuses the lock on a row that has changed since (40001), so what is locked is what
 * the safety snapshot holds.
 */
export async function lockRows(client: pg.ClientBase, stages: Stage[]): Promise<void> {
  for (const stage of stages) {
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
export async function writeRows(client: pg.ClientBase, stages: Stage[]): Promise<PlanWarning[]> {
  // The application's triggers expect its own search path; every name in our statements is qualified.
  await client.query('SET LOCAL search_path TO DEFAULT')
  await client.query('SET CONSTRAINTS ALL DEFERRED')
  await deleteRows(client, stages)
  const late = await insertRows(client, stages)
  await updateRows(client, stages, late)
  await client.query('SET CONSTRAINTS ALL IMMEDIATE')
  for (const stage of stages) await advanceSequences(client, stage)
  return proveRows(client, stages)
}

async function deleteRows(client: pg.ClientBase, stages: Stage[]): Promise<void> {
  for (const { stage, key, target } of linksWithin(stages)) {
    if (write.looseColumns(stage, key).length > 0) await client.query(write.detach(stage, key, target))
  }
  for (const stage of stages.toReversed()) await client.query(write.deleteRows(stage))
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

/** @returns columns of each stage that had to wait, because what they point at is created later */
async function insertRows(client: pg.ClientBase, stages: Stage[]): Promise<Map<Stage, Set<Column>>> {
  const late = new Map(stages.map((stage) => [stage, new Set<Column>()]))
  for (const { stage, key, target } of linksWithin(stages)) {
    if (target.index > stage.index)
      for (const column of write.looseColumns(stage, key)) late.get(stage)!.add(column)
  }
  for (const stage of stages) await client.query(write.insertRows(stage, late.get(stage)!))
  return late
}

async function updateRows(
  client: pg.ClientBase,
  stages: Stage[],
  late: Map<Stage, Set<Column>>,
): Promise<void> {
  for (const stage of stages) {
    const columns = write.updatedColumns(stage)
    if (columns.length === 0) continue
    const parkable = write.parkable(stage)
    if (parkable.length > 0) await client.query(write.parkRows(stage, parkable))
    await client.query(write.updateRows(stage, columns, 'u'))
  }
  for (const [stage, columns] of late) {
    if (columns.size > 0) await client.query(write.updateRows(stage, [...columns], 'c'))
  }
}

/** Steps taken one by one are safe beside a running application; only a longer way is jumped. */
const steps = 100_000n

/** Moves sequences past the highest value that was restored, so that the application's next insert works. */
async function advanceSequences(client: pg.ClientBase, stage: Stage): Promise<void> {
  for (const owned of write.sequenceColumns(stage)) {
    const { rows } = await client.query<{ name: string; highest: string | null; gap: string | null }>(
      write.sequenceGap(stage, owned),
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

async function proveRows(client: pg.ClientBase, stages: Stage[]): Promise<PlanWarning[]> {
  const warnings: PlanWarning[] = []
  for (const stage of stages) {
    const { rows } = await client.query<{ wanted: number; present: number; exact: number }>(
      write.proveRows(stage),
    )
    const { rows: left } = await client.query<{ rows: number }>(write.countSurvivors(stage))
    const { wanted, present, exact } = rows[0]!
    if (present < wanted || left[0]!.rows > 0) {
      throw restoreProblems.RESTORE_NOT_PROVEN(
        `${stage.node.name}: ${wanted - present} of ${wanted} rows are missing and ${left[0]!.rows} are still there that should be gone. A trigger or rule of the application may prevent it.`,
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
