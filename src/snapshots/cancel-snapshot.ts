import type { FastifyInstance } from 'fastify'
import type { Cause } from '../audit/actor.ts'
import { snapshotProblems } from './errors.ts'
import { describeFailure, fail } from './fail-snapshot.ts'
import { requireSnapshot } from './attempts.ts'
import { trySettleStore } from './settle-store.ts'
import type { Snapshot } from './snapshot.ts'

/**
 * Cancels a snapshot that is still being taken; whoever takes it learns so by the signal. Again is fine.
 * @throws Problem SNAPSHOT_NOT_FOUND, SNAPSHOT_FINISHED when it ended otherwise
 */
export async function cancelSnapshot(app: FastifyInstance, id: string, cause: Cause): Promise<Snapshot> {
  const snapshot = await app.orm.em.fork().transactional(async (em) => {
    const snapshot = await requireSnapshot(em, id)
    if (snapshot.error?.code === 'SNAPSHOT_CANCELLED') return snapshot
    if (!snapshot.isUnfinished())
      throw snapshotProblems.SNAPSHOT_FINISHED(`Snapshot ${id} is ${snapshot.status}.`)
    const by = snapshotProblems.SNAPSHOT_CANCELLED(`Cancelled by ${cause.actor.name}.`)
    await fail(app, em, snapshot, describeFailure(by), cause)
    return snapshot
  })
  await trySettleStore(app, id)
  return snapshot
}
