import type { FastifyInstance } from 'fastify'
import { Problem } from '../platform/errors.ts'
import { topicOf } from './attempts.ts'
import { auditSnapshot } from './audit-snapshot.ts'
import type { Cause } from '../audit/actor.ts'
import type { EntityManager } from '../platform/database.ts'
import { Snapshot, type SnapshotError } from './snapshot.ts'

/** Ends a locked snapshot as failed, with its audit entry and signal; what it left in the store is then due to go. */
export async function fail(
  app: FastifyInstance,
  em: EntityManager,
  snapshot: Snapshot,
  error: SnapshotError,
  cause: Cause,
): Promise<void> {
  snapshot.fail(error, app.clock.now())
  await auditSnapshot(em, snapshot, 'failed', cause, { metadata: { error }, outcome: 'failed' })
  await app.signals.send(em, topicOf(snapshot.id))
}

/** What went wrong, for the one who asked. What nobody expected is told to the log alone, which has the details. */
export function describeFailure(error: unknown): SnapshotError {
  if (error instanceof Problem) return { code: error.code, detail: error.message }
  return { code: 'INTERNAL', detail: 'Something went wrong on our side; the log has the details.' }
}
