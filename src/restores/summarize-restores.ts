import type { EntityManager } from '../platform/database.ts'
import { Restore } from './restore.ts'

/** Restores that are being planned or applied, oldest first. */
export async function runningRestores(em: EntityManager): Promise<Restore[]> {
  return em
    .fork()
    .find(Restore, { status: { $in: ['planning', 'applying'] } }, { orderBy: { id: 'asc' }, limit: 20 })
}

/** Restores that failed, newest first. */
export async function failedRestores(em: EntityManager, since: Date, limit: number): Promise<Restore[]> {
  return em
    .fork()
    .find(Restore, { status: 'failed', finishedAt: { $gte: since } }, { orderBy: { id: 'desc' }, limit })
}
