import type { Scope } from '../datasets/scope.ts'
import type { EntityManager } from '../platform/database.ts'
import type { SnapshotTrigger } from '../snapshots/snapshot.ts'

/** Keeps snapshots that are good from being removed until the transaction ends. @returns how many of them are good */
export async function lockGood(em: EntityManager, ids: string[]): Promise<number> {
  const rows = await em.execute(
    `SELECT id FROM snapshots WHERE id = ANY (?::uuid[]) AND status = 'completed' AND deleted_at IS NULL
     ORDER BY id FOR SHARE`,
    [`{${ids.join(',')}}`],
  )
  return rows.length
}

/** A completed snapshot, as far as retention looks at it. */
export interface CompletedRow {
  id: string
  dataset: string
  scope: Scope
  trigger: SnapshotTrigger
  takenAt: Date
  hold: boolean
  expiresAt: Date | null
  expiryChosen: boolean
  verified: boolean
  restoreId: string | null
}

type Raw = Omit<CompletedRow, 'takenAt' | 'expiresAt'> & { takenAt: number; expiresAt: number | null }

/** All that a dataset has. Plain rows: making entities of ten thousand takes longer than all that follows. */
export async function completedSnapshots(em: EntityManager, dataset: string): Promise<CompletedRow[]> {
  const rows = await em.execute<Raw[]>(
    `SELECT id, dataset, scope, trigger, hold, expiry_chosen AS "expiryChosen", restore_id AS "restoreId",
       verified_at IS NOT NULL AS verified, ${milliseconds('taken_at')} AS "takenAt",
       ${milliseconds('expires_at')} AS "expiresAt"
     FROM snapshots WHERE dataset = ? AND status = 'completed' AND deleted_at IS NULL`,
    [dataset],
  )
  return rows.map(({ takenAt, expiresAt, ...row }) => ({
    ...row,
    takenAt: new Date(takenAt),
    expiresAt: expiresAt === null ? null : new Date(expiresAt),
  }))
}

function milliseconds(column: string): string {
  return `floor(extract(epoch FROM ${column}) * 1000)::float8`
}
