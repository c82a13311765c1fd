import type pg from 'pg'
import type { SourcePool } from '../source/connect.ts'
import * as query from './bulk-queries.ts'
import { checkKeys, openBulk, type Bulk } from './bulk.ts'
import type { Plan, PlanWarning } from './plan.ts'
import { concludePlan, needsParent, operationsOf } from './settle-plan.ts'
import { StageWriter, type Stage } from './stage.ts'
import type { Tally } from './stage-records.ts'
import { advanceSequences, lateColumns, proveByCount } from './write-rows.ts'

/** A restore whose rows go straight into their tables, without having been staged. */
export interface Filling {
  /** Each with a view of its table in the place of a stage, on which all rows are created ones. */
  stages: Stage[]
  writer: StageWriter
  bulk: Bulk
}

/**
 * Begins to fill tables that are empty. All the looking up that stages are for finds nothing there: what is created is what
 * the snapshot holds, whatever the order. Until the transaction ends nobody else can give the tables a trigger, a rule or
 * a constraint.
 * @param plan what it comes to: many rows, and nothing but new ones
 * @returns null where rows have to be staged; nothing has been written then
 */
export async function openFilling(
  client: pg.ClientBase,
  source: SourcePool,
  staged: Stage[],
  plan: Plan,
): Promise<Filling | null> {
  if (!onlyCreates(plan) || !staged.every((stage) => isComplete(stage, staged))) return null
  const stages = staged.map((stage) => asView(stage, plan))
  const late = lateColumns(stages)
  const rows = Object.values(plan.tables).reduce((sum, { create }) => sum + create, 0)
  if ([...late.values()].some((columns) => columns.size > 0) || !(await areEmpty(client, stages))) return null
  const bulk = await openBulk(client, source, stages, rows, late)
  if (!bulk.unordered) return null
  for (const stage of stages) await client.query(query.createView(stage))
  await client.query(query.searchAsApplication)
  if (bulk.keys.size > 0) await client.query(query.switchTriggersOff)
  return { stages, bulk, writer: new StageWriter(client, stages, query.tableWithColumns) }
}

function onlyCreates({ operations, tables, blockers }: Plan): boolean {
  const changes = [operations, ...Object.values(tables)].map(
    ({ update, delete: remove, skip, keep }) => update + remove + skip + keep,
  )
  return blockers.length === 0 && changes.every((count) => count === 0)
}

/** Whether the snapshot tells all of a row, with nothing to be looked up or assigned in the source. */
function isComplete(stage: Stage, stages: Stage[]): boolean {
  const { table, parent, references, internal } = stage.node
  const above = stages.find(({ node }) => node === parent?.node)
  const known = references.length === 0 && internal.length === 0 && !(above && needsParent(stage, above))
  return known && stages.every((other) => other === stage || other.node.table.oid !== table.oid)
}

function asView(stage: Stage, { tables }: Plan): Stage {
  const creates = (tables[stage.node.name]?.create ?? 0) > 0
  return { ...stage, table: query.viewName(stage), staged: new Set(creates ? ['c'] : []) }
}

async function areEmpty(client: pg.ClientBase, stages: Stage[]): Promise<boolean> {
  const { rows } = await client.query<{ empty: boolean }>(query.areEmpty(stages))
  return rows[0]!.empty
}

/** The plan that was filled in, by what went by. */
export function filledPlan({ stages }: Filling, tally: Tally, identity: unknown): Plan {
  const none = { update: 0, delete: 0, skip: 0 }
  const tables = stages.map(({ node, index }) => {
    const counted = {
      create: tally.created[index]!,
      update: 0,
      delete: 0,
      keep: tally.liveRows[index]!,
      skip: 0,
    }
    return [node.name, counted] as const
  })
  return concludePlan(tally, identity, {
    operations: operationsOf(tally, { create: tally.differing, ...none }),
    tables: Object.fromEntries(tables),
    blockers: [],
  })
}

/**
 * Checks the foreign keys that were left aside, moves sequences on, and proves that every row has arrived.
 * @throws Problem RESTORE_NOT_PROVEN
 */
export async function concludeFilling(
  client: pg.ClientBase,
  { stages, writer, bulk }: Filling,
  tally: Tally,
): Promise<PlanWarning[]> {
  if (bulk.keys.size > 0) await client.query(query.switchTriggersOn)
  await checkKeys(client, bulk)
  for (const stage of stages.filter(({ staged }) => staged.has('c')))
    await advanceSequences(client, stage, 'created')
  await client.query(query.dropViews(stages))
  return proveByCount(writer.arrived, tally)
}
