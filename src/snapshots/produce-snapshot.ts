import type { FastifyInstance } from 'fastify'
import { systemActor } from '../audit/actor.ts'
import { failpoint } from '../platform/failpoints.ts'
import type { Store } from '../storage/store.ts'
import { verifyArtifact } from './artifact-reader.ts'
import type { CapturedArtifact } from './artifact.ts'
import { lockAttempt, topicOf, type Attempt } from './attempts.ts'
import { auditSnapshot } from './audit-snapshot.ts'
import { snapshotProblems } from './errors.ts'
import { digestFrames, manifestOf, writeManifest } from './manifests.ts'
import { progressReporter, type Progress } from './report-progress.ts'
import { enqueueNote } from './note-snapshot.ts'
import type { Snapshot } from './snapshot.ts'

/** Where a capture puts its artifact, and whom it tells how far it is. */
export interface CaptureTarget {
  store: Store
  key: string
  onProgress: (progress: Progress) => void
  signal: AbortSignal
}

export type Capture = (target: CaptureTarget) => Promise<CapturedArtifact>

/**
 * Takes a snapshot: captures the artifact, reads back and hashes what was stored, and only then makes it count.
 * @param capture stores an artifact under the target's key
 * @returns the completed snapshot
 * @throws Superseded when the attempt counts no longer; Problem BACKUP_FAILED when the store has other bytes than were
 *   written; whatever the source or the store refused
 */
export async function produceSnapshot(
  app: FastifyInstance,
  attempt: Attempt,
  capture: Capture,
  signal: AbortSignal,
): Promise<Snapshot> {
  const store = app.stores.main
  const progress = progressReporter(app, attempt)
  try {
    const artifact = await capture({ store, key: attempt.key, onProgress: progress.report, signal })
    await failpoint('snapshot.captured')
    await requireIntact(store, attempt.key, artifact, signal)
    await failpoint('snapshot.read-back')
    const snapshot = await publish(app, attempt, artifact)
    await failpoint('snapshot.published')
    return snapshot
  } finally {
    await progress.settled()
  }
}

async function requireIntact(store: Store, key: string, artifact: CapturedArtifact, signal: AbortSignal) {
  const { ok, problems } = await verifyArtifact(store, { key, ...artifact }, signal)
  if (!ok)
    throw snapshotProblems.BACKUP_FAILED(`What ${store.location} gave back is wrong: ${problems.join('; ')}`)
}

/**
 * The manifest is written last and before the commit: a crash in between leaves an artifact that nothing lists. The
 * row's lock keeps a cancellation or a later attempt from coming between the two.
 */
async function publish(
  app: FastifyInstance,
  attempt: Attempt,
  artifact: CapturedArtifact,
): Promise<Snapshot> {
  return app.orm.em.fork().transactional(async (em) => {
    const snapshot = await lockAttempt(em, attempt)
    const now = app.clock.now()
    await writeManifest(app.stores.main, manifestOf(snapshot, artifact, now))
    await failpoint('snapshot.manifest-written')
    snapshot.complete(artifact, digestFrames(artifact.frames), now)
    const { sha256, bytes, counts } = artifact
    await auditSnapshot(
      em,
      snapshot,
      'taken',
      { actor: systemActor },
      { metadata: { sha256, bytes, counts } },
    )
    await enqueueNote(app, em, snapshot)
    await app.signals.send(em, topicOf(snapshot.id))
    return snapshot
  })
}
