import type { FastifyInstance } from 'fastify'
import { systemActor } from '../audit/actor.ts'
import { failpoint } from '../platform/failpoints.ts'
import { discardUnfinished } from '../snapshots/safety-snapshot.ts'
import { endMarkedWork } from '../source/marked-work.ts'
import { transactionStatus } from '../source/transaction-status.ts'
import { auditRestore, changeAttempt, topicOf, type Attempt } from './attempts.ts'
import { describeFailure } from './describe-failure.ts'
import { restoreProblems } from './errors.ts'
import type { Restore } from './restore.ts'

/**
 * Finds out what became of a restore whose run ended without saying, or stands still: its session is ended, and the source
 * knows whether its transaction was committed. https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-PG-SNAPSHOT
 * @throws Problem SOURCE_UNREACHABLE; then it is asked again later
 */
export async function settleInterrupted(
  app: FastifyInstance,
  restore: Restore,
  attempt: Attempt,
): Promise<void> {
  const status = await statusOf(app, restore)
  await failpoint('restore.settling')
  await discardUnfinished(app, { restoreId: restore.id }, describeFailure(interrupted()))
  await changeAttempt(app, attempt, async (current, em) => {
    const { operations, tables, warnings } = current.plan!
    const system = { actor: systemActor }
    const snapshotId = current.preRestoreSnapshotId
    if (status === 'committed') {
      current.complete({ ...operations, tables }, warnings, snapshotId, app.clock.now())
      await auditRestore(em, current, 'applied', system, {
        metadata: { afterInterruption: true },
        snapshotId,
      })
      return
    }
    const error =
      status === 'aborted'
        ? interrupted()
        : restoreProblems.RESTORE_OUTCOME_UNKNOWN(
            `The source knows nothing of transaction ${current.sourceTransaction}.`,
          )
    current.fail(describeFailure(error), app.clock.now())
    await auditRestore(em, current, 'failed', system, {
      metadata: { error: current.error },
      outcome: 'failed',
      snapshotId,
    })
  })
}

async function statusOf(app: FastifyInstance, restore: Restore) {
  const { sourceTransaction, sourceBackend } = restore
  const source = app.datasets.source(app.datasets.get(restore.dataset))
  await endMarkedWork(source, topicOf(restore.id))
  if (sourceTransaction === null) return 'aborted'
  return transactionStatus(source, sourceTransaction, sourceBackend)
}

/** The problem of a restore that ended before its commit. */
export function interrupted() {
  return restoreProblems.RESTORE_INTERRUPTED(
    'The service stopped before the restore took effect. Nothing was changed.',
  )
}
