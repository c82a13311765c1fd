import type { FastifyInstance } from 'fastify'
import { announce } from '../notifications/announce.ts'
import type { EntityManager } from '../platform/database.ts'
import { Problem } from '../platform/errors.ts'
import { failpoint } from '../platform/failpoints.ts'
import type { Store } from '../storage/store.ts'
import { verifyArtifact } from './artifact-reader.ts'
import { requireSnapshot, topicOf } from './attempts.ts'
import { auditSnapshot } from './audit-snapshot.ts'
import type { Cause } from '../audit/actor.ts'
import { snapshotProblems } from './errors.ts'
import { findSnapshot } from './find-snapshots.ts'
import { readManifest } from './manifests.ts'
import { trySettleStore } from './settle-store.ts'
import type { CompletedSnapshot, Snapshot, Verification } from './snapshot.ts'

/**
 * Reads all stored bytes of a snapshot again and compares them with what was recorded when it was taken. One that
 * isn't what was written counts as failed from then on, until its bytes are back and it is verified again.
 * @throws Problem SNAPSHOT_NOT_FOUND, SNAPSHOT_NOT_COMPLETED; STORE_UNREACHABLE, which says nothing about the snapshot
 */
export async function verifySnapshot(
  app: FastifyInstance,
  id: string,
  cause: Cause,
  signal: AbortSignal,
): Promise<Verification> {
  const snapshot = requireStored(await findSnapshot(app.orm.em, id))
  const found = await readAgain(app.stores.main, snapshot, signal)
  const result = { ...found, checkedAt: app.clock.now().toISOString() }
  await app.orm.em.fork().transactional(async (em) => {
    const snapshot = requireStored(await requireSnapshot(em, id))
    const isNews = !result.ok && !snapshot.isCorrupt()
    snapshot.verified(result)
    const outcome = result.ok ? 'done' : 'failed'
    await auditSnapshot(em, snapshot, result.ok ? 'verified' : 'found_corrupt', cause, {
      metadata: result,
      outcome,
    })
    if (isNews) await announceDamage(app, em, snapshot, result)
    await app.signals.send(em, topicOf(id))
  })
  await failpoint('snapshot.verified')
  await trySettleStore(app, id)
  return result
}

/** Each time that a good snapshot is found damaged, not each time that a damaged one is read again. */
async function announceDamage(
  app: FastifyInstance,
  em: EntityManager,
  { id, dataset, scope }: Snapshot,
  { problems, checkedAt }: Verification,
): Promise<void> {
  const about = { type: 'snapshot', id }
  const facts = { snapshotId: id, scope, problems }
  await announce(app, em, { event: 'verification_failed', dataset, about, facts, key: checkedAt })
}

/** Completed, or found corrupt before: there is something in the store to read. */
function requireStored(snapshot: Snapshot): CompletedSnapshot {
  if (snapshot.status === 'completed' || snapshot.isCorrupt()) return snapshot as CompletedSnapshot
  throw snapshotProblems.SNAPSHOT_NOT_COMPLETED(`Snapshot ${snapshot.id} is ${snapshot.status}.`)
}

async function readAgain(store: Store, snapshot: CompletedSnapshot, signal: AbortSignal) {
  try {
    return await verifyArtifact(store, await readManifest(store, snapshot), signal)
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'SNAPSHOT_CORRUPT') throw error
    return { ok: false, sha256: null, bytes: 0, problems: [error.message] }
  }
}
