import type pg from 'pg'
import type { Dataset } from '../datasets/definition.ts'
import { joinChain, walk, whereClause } from '../snapshots/capture-queries.ts'

/**
 * Counts the rows of a scope by other means than reading them: one `count(*)` a table over the declared joins.
 * @returns in the order of `tableNodes`
 */
export async function countRows(
  client: pg.ClientBase,
  { root }: Dataset,
  condition: string | null,
): Promise<number[]> {
  // One process has counted long before the rows are read; more would only take time from those that read.
  await client.query('SET LOCAL max_parallel_workers_per_gather = 0')
  const counts: number[] = []
  const queries = walk(root, (_node, chain) =>
    ['SELECT pg_catalog.count(*) AS rows', `FROM ${joinChain(chain)}`, ...whereClause([condition])].join(
      '\n',
    ),
  )
  for (const sql of queries) {
    const { rows } = await client.query<{ rows: string }>(sql)
    counts.push(Number(rows[0]!.rows))
  }
  return counts
}
