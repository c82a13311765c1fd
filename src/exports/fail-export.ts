import type { FastifyInstance } from 'fastify'
import { Problem } from '../platform/errors.ts'
import { topicOf } from './attempts.ts'
import { auditExport } from './audit-export.ts'
import type { Cause } from '../audit/actor.ts'
import type { EntityManager } from '../platform/database.ts'
import { Export, type ExportError } from './export.ts'

/** Ends a locked exported as failed, with its audit entry and signal; what it left in the store is then due to go. */
export async function fail(
  app: FastifyInstance,
  em: EntityManager,
  exported: Export,
  error: ExportError,
  cause: Cause,
): Promise<void> {
  exported.fail(error, app.clock.now())
  await auditExport(em, exported, 'failed', cause, { metadata: { error }, outcome: 'failed' })
  await app.signals.send(em, topicOf(exported.id))
}

/** What went wrong, for the one who asked. What nobody expected is told to the log alone, which has the details. */
export function describeFailure(error: unknown): ExportError {
  if (error instanceof Problem) return { code: error.code, detail: error.message }
  return { code: 'INTERNAL', detail: 'Something went wrong on our side; the log has the details.' }
}
