import { LockMode } from '@mikro-orm/core'
import type { FastifyInstance } from 'fastify'
import { systemActor } from '../audit/actor.ts'
import type { EntityManager } from '../platform/database.ts'
import { Problem } from '../platform/errors.ts'
import { failpoint } from '../platform/failpoints.ts'
import type { Store } from '../storage/store.ts'
import { auditSnapshot } from './audit-snapshot.ts'
import { changeable, readManifest, writeManifest } from './manifests.ts'
import { Snapshot } from './snapshot.ts'
import { removeStored } from './stored-artifacts.ts'

/**
 * Brings the store in line with a snapshot's row after a change that has been committed: rewrites the manifest, or
 * removes what must go. It can be done again at any time; until it has been, the row says that it is due. The row's
 * lock lets one at a time do it.
 * @throws Problem STORE_UNREACHABLE and other problems of the store: it stays due
 */
export async function settleStore({ orm, stores, clock }: FastifyInstance, id: string): Promise<void> {
  await orm.em.fork().transactional(async (em) => {
    const snapshot = await em.findOne(
      Snapshot,
      { id, storeDue: true },
      { lockMode: LockMode.PESSIMISTIC_WRITE },
    )
    if (snapshot !== null) await settle(em, stores.main, snapshot, clock.now())
    await failpoint('snapshot.settled')
  })
}

/**
 * Like `settleStore`, for the end of a verb whose change counts already: what can't be done now is done by the
 * next reconciliation.
 */
export async function trySettleStore(app: FastifyInstance, id: string): Promise<void> {
  await settleStore(app, id).catch((error: unknown) =>
    app.log.warn({ err: error, snapshot: id }, 'the store has to be brought in line later'),
  )
}

async function settle(em: EntityManager, store: Store, snapshot: Snapshot, now: Date): Promise<void> {
  snapshot.storeDue = false
  if (snapshot.deletedAt !== null) {
    await removeStored(store, snapshot)
    em.remove(snapshot)
  } else if (snapshot.status === 'completed') {
    await rewriteManifest(em, store, snapshot, now)
  } else if (!snapshot.isCorrupt()) {
    await removeStored(store, snapshot)
  }
}

async function rewriteManifest(
  em: EntityManager,
  store: Store,
  snapshot: Snapshot,
  now: Date,
): Promise<void> {
  try {
    const manifest = await readManifest(store, snapshot.requireCompleted())
    await writeManifest(store, { ...manifest, ...changeable(snapshot) })
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'SNAPSHOT_CORRUPT') throw error
    const problems = [error.message]
    snapshot.verified({ ok: false, sha256: null, bytes: 0, checkedAt: now.toISOString(), problems })
    await auditSnapshot(
      em,
      snapshot,
      'found_corrupt',
      { actor: systemActor },
      { metadata: { problems }, outcome: 'failed' },
    )
  }
}
