import type { Test } from 'tap'
import type { MainJob } from '../restores/main-job.ts'
import { sql } from '../support/postgres.ts'

/** What cleanups answer with. */
export interface CleanupAnswer {
  id: string
  status: string
  planHash: string
  snapshotId: string
  batchId: string
  dueAt: string
  blockedReason: string | null
  plan: { records: number; tables: Record<string, { remove: number; keep: number }> }
  counts: {
    removed: number
    left: number
    tables: Record<string, number>
    leftCounts: Record<string, number>
  }
  left: { key: unknown; code: string; detail: string }[]
  error: { code: string; detail: string } | null
  [field: string]: unknown
}

export interface CleanupJob extends Omit<MainJob, 'post' | 'get'> {
  post(url: string, body: object | undefined, status: number, code?: string): Promise<CleanupAnswer>
  get(url: string, status: number): Promise<CleanupAnswer>
  /** Confirms a preview and waits for the end. */
  confirm(wanted: object, planHash: string): Promise<CleanupAnswer>
  /** Waits for a restore's plan. */
  settled(id: string): Promise<CleanupAnswer>
  /** The first keys of a table. */
  keys(table: string, column: string, count: number): Promise<string[]>
}

export async function cleanupJob(_t: Test, job: MainJob): Promise<CleanupJob> {
  const post = job.post as unknown as CleanupJob['post']
  const get = job.get as unknown as CleanupJob['get']
  return {
    ...job,
    post,
    get,
    confirm: (wanted, planHash) => post('/api/cleanups', { ...wanted, confirmDelete: true, planHash }, 201),
    async settled(id) {
      await job.call('GET', `/restores/${id}/events`)
      return get(`/api/restores/${id}`, 200)
    },
    async keys(table, column, count) {
      const rows = await sql(
        job.source,
        `SELECT ${column}::text AS key FROM ${table} ORDER BY ${column} LIMIT ${count}`,
      )
      return rows.map(({ key }) => key as string)
    },
  }
}
