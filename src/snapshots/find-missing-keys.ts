import type { Dataset } from '../datasets/definition.ts'
import { scopeCondition } from '../datasets/scope-condition.ts'
import { keysOf, type Scope } from '../datasets/scope.ts'
import type { SourcePool } from '../source/connect.ts'
import { quoteTable } from '../source/identifiers.ts'
import type { KeyValue } from '../source/keys.ts'
import { jsonExpression } from '../source/values.ts'

/**
 * Asks the source which of a scope's keys have no record.
 * @returns none when the scope isn't given by keys
 * @throws Problem SOURCE_…
 */
export async function findMissingKeys(
  source: SourcePool,
  dataset: Dataset,
  scope: Scope,
): Promise<KeyValue[][]> {
  const keys = keysOf(scope)
  if (keys === null) return []
  const { root } = dataset
  const { sql, values } = scopeCondition(dataset, scope)!
  const key = root.key.map((column) => jsonExpression('t0', column)).join(', ')
  const text = `SELECT pg_catalog.json_build_array(${key}) AS key FROM ${quoteTable(root.table)} AS t0 WHERE ${sql}`
  const { rows } = await source.withConnection((client) => client.query<{ key: KeyValue[] }>(text, values))
  const found = new Set(rows.map(({ key }) => JSON.stringify(key)))
  return keys.filter((key) => !found.has(JSON.stringify(key)))
}
