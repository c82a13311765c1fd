import type { FastifyInstance } from 'fastify'
import { requireSnapshot, topicOf } from './attempts.ts'
import { auditSnapshot } from './audit-snapshot.ts'
import type { Cause } from '../audit/actor.ts'
import type { EntityManager } from '../platform/database.ts'
import { failpoint } from '../platform/failpoints.ts'
import { snapshotProblems } from './errors.ts'
import { trySettleStore } from './settle-store.ts'
import type { Snapshot } from './snapshot.ts'

const dayMs = 86_400_000

/**
 * Deletes a snapshot: it is gone from every list with the commit, then its manifest, its artifact and its row go. What
 * a crash or an unreachable store leaves of that is done by the next reconciliation.
 * @param force also when a restore could still be undone with it
 * @throws Problem SNAPSHOT_NOT_FOUND, SNAPSHOT_HELD, SNAPSHOT_UNFINISHED, SNAPSHOT_NEEDED
 */
export async function deleteSnapshot(
  app: FastifyInstance,
  id: string,
  { force, ...cause }: Cause & { force: boolean },
): Promise<void> {
  await app.orm.em.fork().transactional(async (em) => {
    const snapshot = await requireSnapshot(em, id)
    if (!force) refuseWhenNeeded(app, snapshot)
    const { status, title, key, sha256 } = snapshot
    snapshot.delete(app.clock.now())
    await auditSnapshot(em, snapshot, 'deleted', cause, { metadata: { status, title, key, sha256, force } })
    await app.signals.send(em, topicOf(id))
  })
  await failpoint('snapshot.ended')
  await trySettleStore(app, id)
}

/** Why a snapshot's time is over. */
export interface Expiry {
  /** For the audit log. */
  reasons: string[]
  /** Looks at the locked snapshot, in the transaction that ends it, and may refuse. */
  check?: (em: EntityManager, present: Snapshot) => Promise<void>
}

/**
 * Ends a snapshot whose time is over: its bytes go, its description stays.
 * @throws Problem SNAPSHOT_NOT_FOUND, SNAPSHOT_HELD, SNAPSHOT_NOT_COMPLETED, SNAPSHOT_NEEDED
 */
export async function expireSnapshot(
  app: FastifyInstance,
  id: string,
  cause: Cause,
  { reasons, check }: Expiry,
): Promise<void> {
  await app.orm.em.fork().transactional(async (em) => {
    const snapshot = await requireSnapshot(em, id)
    refuseWhenNeeded(app, snapshot)
    await check?.(em, snapshot)
    snapshot.expire()
    await auditSnapshot(em, snapshot, 'expired', cause, { metadata: { key: snapshot.key, reasons } })
    await app.signals.send(em, topicOf(id))
  })
  await failpoint('snapshot.ended')
  await trySettleStore(app, id)
}

/** What a restore overwrote or a cleanup removed is kept for as long as backups are, so that it can be undone. */
function refuseWhenNeeded({ clock, config }: FastifyInstance, snapshot: Snapshot): void {
  const { restoreId, cleanupId, status, takenAt } = snapshot
  if ((restoreId ?? cleanupId) === null || status !== 'completed' || takenAt === null) return
  const until = new Date(takenAt.getTime() + config.backupRetentionDays * dayMs)
  if (clock.now() >= until) return
  throw snapshotProblems.SNAPSHOT_NEEDED(
    `${restoreId === null ? 'Cleanup' : 'Restore'} ${restoreId ?? cleanupId} can be undone with snapshot ${snapshot.id} until ${until.toISOString()}.`,
  )
}
