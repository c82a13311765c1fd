import pg from 'pg'
import type { SourcePool } from '../source/connect.ts'
import type { Dataset } from './definition.ts'
import { countQuery, estimateQuery, type Narrowing } from './queries.ts'
import { scopeCondition } from './scope-condition.ts'
import type { Scope } from './scope.ts'

/** How many records a scope has: counted where that takes no time, else the planner's estimate. */
export interface RecordCount {
  records: number
  isExact: boolean
}

/** Longest that counting may take, in milliseconds, before an estimate has to do. */
const countTimeout = 1000

const queryCancelled = '57014'

/** @throws Problem SOURCE_… when the source can't be asked */
export async function countRecords(source: SourcePool, dataset: Dataset, scope: Scope): Promise<RecordCount> {
  const within = scopeCondition(dataset, scope)
  const narrowing = { conditions: within === null ? [] : [within.sql], values: [...(within?.values ?? [])] }
  return source.withConnection(async (client) => {
    await client.query(`BEGIN READ ONLY; SET LOCAL statement_timeout = ${countTimeout}; SAVEPOINT counting`)
    const counted = await client
      .query<{ records: string }>(countQuery(dataset, narrowing))
      .catch((error: unknown) => {
        if (error instanceof pg.DatabaseError && error.code === queryCancelled) return null
        throw error
      })
    if (counted === null) await client.query('ROLLBACK TO counting')
    const records =
      counted === null ? await estimateRecords(client, dataset, narrowing) : Number(counted.rows[0]!.records)
    await client.query('COMMIT')
    return { records, isExact: counted !== null }
  })
}

/** How many records a narrowing leaves, by the planner: its cost does not grow with the table. */
export async function estimateRecords(
  client: pg.ClientBase,
  dataset: Dataset,
  narrowing: Narrowing,
): Promise<number> {
  const { rows } = await client.query(estimateQuery(dataset, narrowing))
  const [explained] = rows[0]['QUERY PLAN'] as { Plan: { 'Plan Rows': number } }[]
  return explained?.Plan['Plan Rows'] ?? 0
}
