import type { Column } from '../source/catalog.ts'
import type { SourcePool } from '../source/connect.ts'
import { quoteIdentifier, quoteTable } from '../source/identifiers.ts'
import type { Dataset } from './definition.ts'
import { scopeCondition } from './scope-condition.ts'
import type { Scope } from './scope.ts'

/**
 * Notes an instant in a column of a scope's records that the dataset declares for it: the only writing to a source that is
 * no restore and no cleanup. An earlier instant never replaces a later one, so repeating it, in any order, is safe.
 * @throws Problem SOURCE_…
 */
export async function noteInRecords(
  source: SourcePool,
  dataset: Dataset,
  { column, scope, at }: { column: Column; scope: Scope; at: Date },
): Promise<void> {
  const condition = scopeCondition(dataset, scope)
  const values = [...(condition?.values ?? []), at.toISOString().replace('Z', '')]
  const cell = `t0.${quoteIdentifier(column.name)}`
  // Sessions are in UTC, so that a timestamp without zone reads the same.
  const instant = `(($${values.length}::pg_catalog.timestamp) AT TIME ZONE 'UTC')::pg_catalog.${column.baseType}`
  const sql = [
    `UPDATE ${quoteTable(dataset.root.table)} AS t0 SET ${quoteIdentifier(column.name)} = ${instant}`,
    `WHERE (${cell} IS NULL OR ${cell} < ${instant})`,
    ...(condition === null ? [] : [`AND (${condition.sql})`]),
  ].join(' ')
  await source.withConnection((client) => client.query(sql, values))
}
