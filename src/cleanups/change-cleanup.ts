import type { FastifyInstance } from 'fastify'
import type { Cause } from '../audit/actor.ts'
import { cancelBatch } from '../batches/cancel-batch.ts'
import { Problem } from '../platform/errors.ts'
import { failpoint } from '../platform/failpoints.ts'
import { requireGate } from '../gates/judge-gate.ts'
import type { KeyValue } from '../source/keys.ts'
import { planRestore } from '../restores/plan-restore.ts'
import type { Restore } from '../restores/restore.ts'
import { auditCleanup, findCleanup, lockCleanup, topicOf } from './attempts.ts'
import { blockersOf } from './blockers.ts'
import type { Cleanup } from './cleanup.ts'
import { cleanupProblems } from './errors.ts'
import { removedKeys } from './queries.ts'
import { conditionsOf } from './run-due-cleanups.ts'
import { startCleanup } from './start-cleanup.ts'

/**
 * Holds, releases or postpones a cleanup that waits.
 * @param check looks at the locked cleanup before it changes, and may refuse
 * @throws Problem CLEANUP_NOT_FOUND, CLEANUP_NOT_PENDING, CLEANUP_OPTIONS_INVALID
 */
export async function changeCleanup(
  app: FastifyInstance,
  id: string,
  changes: { hold?: boolean; dueAt?: Date },
  cause: Cause,
  check: (present: Cleanup) => Promise<void> = async () => undefined,
): Promise<Cleanup> {
  return app.orm.em.fork().transactional(async (em) => {
    const cleanup = await lockCleanup(em, id)
    await check(cleanup)
    cleanup.change(changes, app.clock.now())
    await auditCleanup(em, cleanup, 'updated', cause, { metadata: { changes } })
    await app.signals.send(em, topicOf(id))
    return cleanup
  })
}

/**
 * Somebody has seen the plan: one over its limit waits for its deadline like any other from now on; one that a person
 * planned runs at once. What was announced never runs before its deadline, nor without its notice.
 * @throws Problem PLAN_REQUIRED, PLAN_DRIFTED, CLEANUP_NOT_PENDING, CLEANUP_HELD, CLEANUP_IN_GRACE,
 *   CLEANUP_NOTICE_UNDELIVERED, SNAPSHOT_REQUIRED, SNAPSHOT_STALE
 */
export async function applyCleanup(
  app: FastifyInstance,
  id: string,
  planHash: string | undefined,
  cause: Cause,
): Promise<Cleanup> {
  return app.orm.em.fork().transactional(async (em) => {
    const cleanup = await lockCleanup(em, id)
    const wasOver = cleanup.status === 'awaiting_confirmation'
    cleanup.confirm(planHash)
    await em.flush()
    await auditCleanup(em, cleanup, 'confirmed', cause, { metadata: { planHash } })
    await app.signals.send(em, topicOf(id))
    const now = app.clock.now()
    if (cleanup.announcedDueAt === null && !wasOver) cleanup.dueAt = now
    const conditions = await conditionsOf(app, em, cleanup)
    const blockers = blockersOf(cleanup, { ...conditions, gate: null }, now)
    const [first] = blockers
    if (first !== undefined) {
      if (wasOver) return cleanup
      throw cleanupProblems[first.code as 'CLEANUP_HELD'](first.detail)
    }
    const { scope, skipSnapshotCheck } = cleanup
    const gate = skipSnapshotCheck
      ? { skipped: true, snapshotId: null, snapshotAt: null }
      : await requireGate(
          app,
          { dataset: app.datasets.get(cleanup.dataset), scope, operation: 'cleanup' },
          cause,
        )
    await startCleanup(app, em, cleanup, gate, cause)
    return cleanup
  })
}

/**
 * Gives a cleanup up. One that waits or captures has removed nothing; one that removes stops after the chunk at hand, and
 * says what was done. What is over stays as it is.
 * @throws Problem CLEANUP_NOT_FOUND
 */
export async function cancelCleanup(app: FastifyInstance, id: string, cause: Cause): Promise<Cleanup> {
  const cleanup = await app.orm.em.fork().transactional(async (em) => {
    const found = await lockCleanup(em, id)
    if (!found.isWaiting() && found.status !== 'capturing') return found
    found.end('cancelled', null, app.clock.now())
    await auditCleanup(em, found, 'cancelled', cause)
    await app.signals.send(em, topicOf(id))
    return found
  })
  if (cleanup.status === 'removing' && cleanup.batchId !== null)
    await cancelBatch(app, cleanup.batchId, cause)
  return findCleanup(app.orm.em, id)
}

/** Cancels one that waits. @throws Problem CLEANUP_NOT_FOUND, CLEANUP_NOT_PENDING once it runs */
export async function withdrawCleanup(app: FastifyInstance, id: string, cause: Cause): Promise<Cleanup> {
  const cleanup = await findCleanup(app.orm.em, id)
  if (cleanup.status !== 'cancelled') cleanup.requireWaiting()
  return cancelCleanup(app, id, cause)
}

/**
 * Plans the way back: a restore of exactly what was captured before, that brings back what is gone and touches nothing
 * else.
 * @throws Problem CLEANUP_NOT_FOUND, CLEANUP_NOT_UNDOABLE
 */
export async function undoCleanup(app: FastifyInstance, id: string, cause: Cause): Promise<Restore> {
  const cleanup = await findCleanup(app.orm.em, id)
  const snapshotId = cleanup.requireUndoable()
  try {
    const removed = await removedKeys(app.orm.em.fork(), id)
    const keys = removed?.map((key) => JSON.parse(key) as KeyValue[]) ?? null
    const restore = await planRestore(app, { snapshotId, mode: 'missing', keys }, cause)
    await failpoint('cleanup.undo-requested')
    await app.orm.em.fork().transactional(async (em) => {
      await auditCleanup(em, cleanup, 'undo-requested', cause, { metadata: { restoreId: restore.id } })
    })
    return restore
  } catch (error) {
    if (!(error instanceof Problem) || !error.code.startsWith('SNAPSHOT_')) throw error
    throw cleanupProblems.CLEANUP_NOT_UNDOABLE(`Its snapshot cannot be used: ${error.message}`, {
      cause: error,
    })
  }
}
