import Type, { type Static } from 'typebox'
import { TextFilter } from '../platform/filters.ts'
import type { presentRestore } from './present-restore.ts'

/** What a plan's page is narrowed to: a kind of change, a table, a kind of warning. */
export const PlanFilter = Type.Object(
  { change: Type.Optional(Type.Enum(['create', 'update', 'delete'])), table: TextFilter, code: TextFilter },
  { additionalProperties: false },
)

type Restore = ReturnType<typeof presentRestore>

/** Of a plan's sample and warnings those that a filter lets through, and what can be filtered by. */
export function filterPlan(restore: Restore, { change, table, code }: Static<typeof PlanFilter>) {
  const { sample, warnings, plan } = restore
  const isWanted = (row: { table: string; change: string }) =>
    (change === undefined || row.change === change) && (table === undefined || row.table === table)
  const records = sample.map((record) => ({ ...record, rows: record.rows.filter(isWanted) }))
  const codes = Map.groupBy(warnings, (warning) => warning.code)
  return {
    sample: records.filter(({ rows }) => rows.length > 0),
    warnings: warnings.filter((warning) => code === undefined || warning.code === code),
    tables: Object.keys(plan?.tables ?? {}),
    codes: [...codes].map(([name, { length }]) => ({ name, count: length })),
  }
}
