import { AsyncLocalStorage } from 'node:async_hooks'
import type { FastifyInstance } from 'fastify'
import pg from 'pg'
import type { Test } from 'tap'
import { testApp } from '../support/app.ts'

/** What PostgreSQL says that it did, of `EXPLAIN (ANALYZE, FORMAT JSON)`. */
interface PlanNode {
  'Node Type': string
  'Actual Rows': number
  'Actual Loops': number
  'Rows Removed by Filter'?: number
  'Rows Removed by Index Recheck'?: number
  Plans?: PlanNode[]
}

/** Says how many rows PostgreSQL looks at for what is read, in the statement that looks at the most. */
export type LookedAt = (read: () => Promise<unknown>) => Promise<number>

/** One of our tables, filled with made-up rows that are numbered by `n` from 1, the oldest first. */
export interface Filled {
  table: string
  rows: number
  /** SQL for the columns that matter; what the others hold fits their type. */
  columns: Record<string, string>
}

/** The whole service over large tables, and what reading from them takes. */
export async function openLarge(
  t: Test,
  tables: Filled[],
): Promise<{ app: FastifyInstance; lookedAt: LookedAt }> {
  const app = await testApp(t)
  const client = new pg.Client({ connectionString: app.config.databaseUrl! })
  await client.connect()
  t.teardown(() => client.end())
  for (const filled of tables) await fill(client, filled)
  await client.query('VACUUM ANALYZE')
  const asked = new AsyncLocalStorage<string[]>()
  const platform = app.orm.em.getPlatform()
  app.orm.config.set('onQuery', (text, values) => {
    asked.getStore()?.push(platform.formatQuery(text, values))
    return text
  })
  const lookedAt: LookedAt = async (read) => {
    const statements: string[] = []
    await asked.run(statements, read)
    if (statements.length === 0) throw new Error('nothing was read')
    let most = 0
    for (const statement of statements) {
      const { rows } = await client.query<Explained>(`EXPLAIN (ANALYZE, FORMAT JSON) ${statement}`)
      most = Math.max(most, scanned(rows[0]!['QUERY PLAN'][0].Plan))
    }
    return most
  }
  return { app, lookedAt }
}

interface Explained {
  'QUERY PLAN': [{ Plan: PlanNode }]
}

/** Rows and index entries that are read, passed over ones included, whatever becomes of them further up. */
function scanned(node: PlanNode): number {
  const below = (node.Plans ?? []).map(scanned).reduce((sum, rows) => sum + rows, 0)
  if (!node['Node Type'].endsWith('Scan') || node['Node Type'] === 'Subquery Scan') return below
  const passedOver = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0)
  return below + (node['Actual Rows'] + passedOver) * node['Actual Loops']
}

/** The rules for what may stand in a row are dropped. */
async function fill(client: pg.Client, { table, rows: count, columns }: Filled): Promise<void> {
  const { rows: checks } = await client.query<{ name: string }>(
    `SELECT quote_ident(conname) AS name FROM pg_constraint WHERE conrelid = $1::regclass AND contype = 'c'`,
    [table],
  )
  for (const { name } of checks) await client.query(`ALTER TABLE ${table} DROP CONSTRAINT ${name}`)
  const { rows: all } = await client.query<{ name: string; type: string }>(
    `SELECT column_name AS name, data_type AS type FROM information_schema.columns
     WHERE table_name = $1 AND is_identity = 'NO' AND (is_nullable = 'NO' OR column_name = ANY ($2))`,
    [table, Object.keys(columns)],
  )
  const values = all.map(({ name, type }) => columns[name] ?? made(type, name))
  await client.query(
    `INSERT INTO ${table} (${all.map(({ name }) => name).join()}) SELECT ${values.join()} FROM generate_series(1, ${count}) AS n`,
  )
}

/** The id of a row by its number. */
export const idOf = (n: string) => `lpad(to_hex(${n}), 32, '0')::uuid`

/** A time by the number of a row. */
export const timeOf = (n: string) => `timestamptz '2026-01-01Z' + ${n} * interval '1 second'`

function made(type: string, name: string): string {
  const values: Record<string, string> = {
    uuid: idOf('n'),
    text: `'${name} ' || n`,
    boolean: 'false',
    jsonb: `'{}'`,
    json: `'{}'`,
    ARRAY: `'{}'`,
    'timestamp with time zone': timeOf('n'),
  }
  return values[type] ?? 'n'
}
