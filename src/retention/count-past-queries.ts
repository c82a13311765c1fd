import type { Dataset } from '../datasets/definition.ts'
import { scopeCondition } from '../datasets/scope-condition.ts'
import type { Scope } from '../datasets/scope.ts'
import type { SourcePool } from '../source/connect.ts'
import { quoteTable } from '../source/identifiers.ts'

/** How many records of a scope the source has now. @throws Problem SOURCE_… */
export async function countRecords(source: SourcePool, dataset: Dataset, scope: Scope): Promise<number> {
  const condition = scopeCondition(dataset, scope)
  const where = condition === null ? '' : ` WHERE ${condition.sql}`
  const text = `SELECT pg_catalog.count(*)::float8 AS count FROM ${quoteTable(dataset.root.table)} AS t0${where}`
  const { rows } = await source.withConnection((client) =>
    client.query<{ count: number }>(text, condition?.values ?? []),
  )
  return rows[0]!.count
}
