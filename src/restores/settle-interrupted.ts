import type { FastifyInstance } from 'fastify'
import pg from 'pg'
import { systemActor } from '../audit/actor.ts'
import { discardUnfinished } from './capture-touched.ts'
import { auditRestore, changeAttempt, type Attempt } from './attempts.ts'
import { describeFailure } from './describe-failure.ts'
import { restoreProblems } from './errors.ts'
import type { Restore } from './restore.ts'

/**
 * Finds out what became of a restore whose run ended without saying: the source knows whether its transaction was
 * committed. https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-PG-SNAPSHOT
 * @throws Problem SOURCE_UNREACHABLE; then it is asked again later
 */
export async function settleInterrupted(
  app: FastifyInstance,
  restore: Restore,
  attempt: Attempt,
): Promise<void> {
  const status = restore.sourceTransaction === null ? 'aborted' : await transactionStatus(app, restore)
  await discardUnfinished(app, restore.id, describeFailure(interrupted()))
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

/** The problem of a restore that ended before its commit. */
export function interrupted() {
  return restoreProblems.RESTORE_INTERRUPTED(
    'The service stopped before the restore took effect. Nothing was changed.',
  )
}

type TransactionStatus = 'committed' | 'aborted' | 'unknown'

/** A session that a dead service left behind holds its transaction open: it is ended, and then the answer is final. */
async function transactionStatus(app: FastifyInstance, restore: Restore): Promise<TransactionStatus> {
  const source = app.datasets.source(app.datasets.get(restore.dataset))
  return source.withConnection(async (client) => {
    for (;;) {
      const status = await askStatus(client, restore.sourceTransaction!)
      if (status !== 'in progress') return status
      await client.query(
        `SELECT pg_catalog.pg_terminate_backend(pid, 5000) FROM pg_catalog.pg_stat_activity
          WHERE pid = $1 AND backend_xid = $2::xid8::xid`,
        [restore.sourceBackend, restore.sourceTransaction],
      )
    }
  })
}

async function askStatus(
  client: pg.ClientBase,
  transaction: string,
): Promise<TransactionStatus | 'in progress'> {
  try {
    const { rows } = await client.query<{ status: TransactionStatus | 'in progress' | null }>(
      'SELECT pg_catalog.pg_xact_status($1::xid8) AS status',
      [transaction],
    )
    return rows[0]!.status ?? 'unknown'
  } catch (error) {
    // A number that this server has not reached yet: it is another server than the one that was written to.
    if (error instanceof pg.DatabaseError && error.code === '22023') return 'unknown'
    throw error
  }
}
