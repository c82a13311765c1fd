import type { FilterQuery } from '@mikro-orm/core'
import type { EntityManager } from '../platform/database.ts'
import { Restore, type RestoreStatus } from './restore.ts'

/** What a list of restores is narrowed to. */
export interface RestoreFilter {
  dataset?: string | undefined
  snapshotId?: string | undefined
  status?: RestoreStatus | undefined
}

/** @param before the last id of the page before @returns newest first; ids are ordered by time */
export async function findRestores(
  em: EntityManager,
  { dataset, snapshotId, status }: RestoreFilter,
  limit: number,
  before?: string,
): Promise<Restore[]> {
  const where: FilterQuery<Restore> = {
    ...(dataset !== undefined && { dataset }),
    ...(snapshotId !== undefined && { snapshotId }),
    ...(status !== undefined && { status }),
    ...(before !== undefined && { id: { $lt: before } }),
  }
  return em.fork().find(Restore, where, { orderBy: { id: 'desc' }, limit })
}

/** The restores that took this one back, or are about to, newest first. */
export async function findUndos(em: EntityManager, id: string): Promise<Restore[]> {
  return em.fork().find(Restore, { undoes: id }, { orderBy: { id: 'desc' } })
}
