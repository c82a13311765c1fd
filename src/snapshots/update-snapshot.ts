import type { FastifyInstance } from 'fastify'
import { requireSnapshot, topicOf } from './attempts.ts'
import { auditSnapshot } from './audit-snapshot.ts'
import type { Cause } from '../audit/actor.ts'
import { requireFuture } from './expiry.ts'
import { trySettleStore } from './settle-store.ts'
import type { Snapshot, SnapshotChanges } from './snapshot.ts'

/**
 * Changes a snapshot's description. The row is committed first and says that the manifest is due: after a crash the
 * next reconciliation rewrites it, so that a recovered catalogue knows of it too.
 * @param check looks at the locked snapshot before it changes, and may refuse
 * @throws Problem SNAPSHOT_NOT_FOUND, SNAPSHOT_NOT_COMPLETED for a hold on nothing, SNAPSHOT_OPTIONS_INVALID
 */
export async function updateSnapshot(
  app: FastifyInstance,
  id: string,
  changes: SnapshotChanges,
  cause: Cause,
  check: (present: Snapshot) => void = () => undefined,
): Promise<Snapshot> {
  if (changes.expiresAt) requireFuture(changes.expiresAt, app.clock.now())
  const snapshot = await app.orm.em.fork().transactional(async (em) => {
    const snapshot = await requireSnapshot(em, id)
    check(snapshot)
    snapshot.change(changes)
    await auditSnapshot(em, snapshot, 'updated', cause, { metadata: { changes } })
    await app.signals.send(em, topicOf(id))
    return snapshot
  })
  await trySettleStore(app, id)
  return snapshot
}
