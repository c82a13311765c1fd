import type { FastifyInstance } from 'fastify'
import { systemActor } from '../audit/actor.ts'
import { isDatabaseGone } from '../platform/database-failures.ts'
import { Problem } from '../platform/errors.ts'
import { failpoint } from '../platform/failpoints.ts'
import type { JobRun } from '../platform/queue.ts'
import { lockAttempt, lockSnapshot, Superseded, topicOf, whileItCounts, type Attempt } from './attempts.ts'
import { auditSnapshot } from './audit-snapshot.ts'
import { captureScope } from './capture-scope.ts'
import { snapshotProblems } from './errors.ts'
import { describeFailure, fail } from './fail-snapshot.ts'
import { produceSnapshot } from './produce-snapshot.ts'
import type { Snapshot } from './snapshot.ts'
import { trySettleStore } from './settle-store.ts'
import { removeArtifact, removeStored } from './stored-artifacts.ts'

/** The job that takes a queued snapshot. */
export const generateJob = 'snapshots.generate'

/** A snapshot that was begun this often and never finished takes the service down with it, or can't be finished. */
const maxAttempts = 5

const system = { actor: systemActor }

/**
 * Takes a snapshot that was asked for. Starts over when an earlier run died; does nothing when it is finished already.
 * Every end is recorded in the snapshot; only an interruption, or the loss of Holdfast's own database, escapes, so that
 * the queue runs it again.
 */
export async function generateSnapshot(app: FastifyInstance, id: string, run: JobRun): Promise<void> {
  const begun = await begin(app, id)
  if (begun === null) return
  const { snapshot, attempt } = begun
  await failpoint('snapshot.begun')
  try {
    await removeStored(app.stores.main, snapshot, attempt.number)
    await whileItCounts(app, attempt, async (gone) => {
      const signal = AbortSignal.any([run.signal, gone])
      await produceSnapshot(app, attempt, (target) => captureScope(app, snapshot, target), signal)
    })
  } catch (error) {
    if (isDatabaseGone(error)) throw error
    await settleFailure(app, attempt, error, run)
  }
}

async function begin(
  app: FastifyInstance,
  id: string,
): Promise<{ snapshot: Snapshot; attempt: Attempt } | null> {
  const begun = await app.orm.em.fork().transactional(async (em) => {
    const snapshot = await lockSnapshot(em, id)
    if (snapshot === null || !snapshot.isUnfinished()) return { snapshot, attempt: null }
    if (snapshot.attempts >= maxAttempts) {
      await fail(app, em, snapshot, interruptedTooOften, system)
      return { snapshot, attempt: null }
    }
    snapshot.generate(app.clock.now())
    await auditSnapshot(em, snapshot, 'started', system, { metadata: { attempt: snapshot.attempts } })
    await app.signals.send(em, topicOf(id))
    return { snapshot, attempt: { snapshotId: id, number: snapshot.attempts, key: snapshot.key } }
  })
  const { snapshot, attempt } = begun
  if (snapshot !== null && attempt !== null) return { snapshot, attempt }
  // A run that died may have stored something after its snapshot was given up.
  if (snapshot?.status === 'failed' && !snapshot.isCorrupt()) await removeStored(app.stores.main, snapshot)
  return null
}

const interruptedTooOften = describeFailure(
  snapshotProblems.SNAPSHOT_INTERRUPTED(`It was begun ${maxAttempts} times and interrupted each time.`),
)

/** Failed for good, given up in favour of another attempt, or interrupted and to be run again. */
async function settleFailure(
  app: FastifyInstance,
  attempt: Attempt,
  error: unknown,
  run: JobRun,
): Promise<void> {
  try {
    await app.orm.em.fork().transactional(async (em) => {
      const snapshot = await lockAttempt(em, attempt)
      if (run.signal.aborted) {
        snapshot.requeue()
        await auditSnapshot(em, snapshot, 'interrupted', system, { metadata: { attempt: attempt.number } })
        await app.signals.send(em, topicOf(snapshot.id))
      } else {
        await fail(app, em, snapshot, describeFailure(error), system)
      }
    })
  } catch (failure) {
    if (!(failure instanceof Superseded)) throw failure
    return removeSuperseded(app, attempt)
  }
  if (run.signal.aborted) throw error
  if (!(error instanceof Problem))
    app.log.error({ err: error, snapshot: attempt.snapshotId }, 'a snapshot failed')
  await trySettleStore(app, attempt.snapshotId)
}

/** Removes what a superseded attempt stored, unless the attempt did complete and only its commit's answer was lost. */
async function removeSuperseded(app: FastifyInstance, attempt: Attempt): Promise<void> {
  await app.orm.em.fork().transactional(async (em) => {
    const snapshot = await lockSnapshot(em, attempt.snapshotId)
    const counts = snapshot?.key === attempt.key && (snapshot.status === 'completed' || snapshot.isCorrupt())
    if (!counts) await removeArtifact(app.stores.main, attempt.key)
  })
}
