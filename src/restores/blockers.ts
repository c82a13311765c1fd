import type pg from 'pg'
import type { PlanWarning } from './plan.ts'
import * as resolve from './resolve-queries.ts'
import { mayHold, type Stage } from './stage.ts'
import { listRows } from './staged-records.ts'
import { takenValues } from './taken-values.ts'

/** @returns what stands against applying what is staged, whatever the dataset's rules say */
export async function findBlockers(client: pg.ClientBase, stages: Stage[]): Promise<PlanWarning[]> {
  const blockers: PlanWarning[] = []
  for (const stage of stages) {
    blockers.push(...(await brokenPointers(client, stages, stage)))
    blockers.push(...(await rowsElsewhere(client, stages, stage)))
  }
  return [...blockers, ...(await takenValues(client, stages))]
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
    for (const { key: record, missing } of (await listRows(client, stages[0]!, query)).found) {
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
  const key = resolve.keyOfTable(stage)
  if (key === null || !mayHold(stage, 'c')) return []
  const { found } = await listRows(client, stages[0]!, resolve.listElsewhere(stage, key))
  return found.map(({ key, missing }) => ({
    code: 'ROW_ELSEWHERE',
    table: stage.node.name,
    key,
    detail: `The row ${missing} belongs to another record now, and stays there: it is outside of what is restored, or other rows point at it. Move or delete it there first.`,
  }))
}
