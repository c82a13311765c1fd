import type pg from 'pg'
import type { KeyValue } from '../snapshots/manifest.ts'
import * as resolve from './resolve-queries.ts'
import type { Stage } from './stage.ts'
import { listedWarnings } from './stage-records.ts'

interface Dangling {
  missing: (string | null)[]
  record: number
  total: number
}

/**
 * Runs one of the queries that list rows with something missing.
 * @param root the stage of the records' own table
 * @returns the first of them, each with its record's key, and how many there are
 */
export async function listRows(client: pg.ClientBase, root: Stage, query: string) {
  const { rows } = await client.query<Dangling>(query, [listedWarnings])
  const keys = await keysOf(client, root, rows)
  const found = rows.map(({ missing }, i) => ({ key: keys[i]!, missing: missing.join(', ') }))
  return { found, total: rows[0]?.total ?? 0 }
}

/** Keys of the records that staged rows belong to. */
export async function keysOf(
  client: pg.ClientBase,
  root: Stage,
  rows: { record: number }[],
): Promise<(KeyValue[] | null)[]> {
  if (rows.length === 0) return []
  const numbers = [...new Set(rows.map(({ record }) => record))]
  const { rows: found } = await client.query<{ record: number; key: KeyValue[] }>(resolve.listKeys(root), [
    numbers,
  ])
  const keys = new Map(found.map(({ record, key }) => [record, key]))
  return rows.map(({ record }) => keys.get(record) ?? null)
}
