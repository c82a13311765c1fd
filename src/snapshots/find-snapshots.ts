import type { EntityManager } from '../platform/database.ts'
import { snapshotProblems } from './errors.ts'
import { Snapshot } from './snapshot.ts'

/** A snapshot as it is now. @throws Problem SNAPSHOT_NOT_FOUND when there is none, or it was deleted */
export async function findSnapshot(em: EntityManager, id: string): Promise<Snapshot> {
  const snapshot = await em.fork().findOne(Snapshot, { id, deletedAt: null })
  if (snapshot === null) throw snapshotProblems.SNAPSHOT_NOT_FOUND(`There is no snapshot ${id}.`)
  return snapshot
}
