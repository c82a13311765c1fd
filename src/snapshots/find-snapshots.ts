import type { FilterQuery } from '@mikro-orm/core'
import type { EntityManager } from '../platform/database.ts'
import { snapshotProblems } from './errors.ts'
import { Snapshot, type SnapshotStatus, type SnapshotTrigger } from './snapshot.ts'

/** A snapshot as it is now. @throws Problem SNAPSHOT_NOT_FOUND when there is none, or it was deleted */
export async function findSnapshot(em: EntityManager, id: string): Promise<Snapshot> {
  const snapshot = await em.fork().findOne(Snapshot, { id, deletedAt: null })
  if (snapshot === null) throw snapshotProblems.SNAPSHOT_NOT_FOUND(`There is no snapshot ${id}.`)
  return snapshot
}

/** What a list of snapshots is narrowed to. */
export interface SnapshotFilter {
  dataset?: string | undefined
  status?: SnapshotStatus | undefined
  trigger?: SnapshotTrigger | undefined
  /** Asked for at or after, and before. */
  from?: Date | undefined
  to?: Date | undefined
  /** Further conditions. */
  and?: FilterQuery<Snapshot>[]
}

/** @param before the last id of the page before @returns newest first; ids are ordered by time */
export async function findSnapshots(
  em: EntityManager,
  { dataset, status, trigger, from, to, and = [] }: SnapshotFilter,
  limit: number,
  before?: string,
): Promise<Snapshot[]> {
  const where: FilterQuery<Snapshot> = {
    deletedAt: null,
    ...(dataset !== undefined && { dataset }),
    ...(status !== undefined && { status }),
    ...(trigger !== undefined && { trigger }),
    createdAt: { ...(from && { $gte: from }), ...(to && { $lt: to }) },
    ...(before !== undefined && { id: { $lt: before } }),
    $and: and,
  }
  return em.fork().find(Snapshot, where, { orderBy: { id: 'desc' }, limit })
}
