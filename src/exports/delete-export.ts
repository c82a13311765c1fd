import type { FastifyInstance } from 'fastify'
import type { Cause } from '../audit/actor.ts'
import { requireExport, topicOf } from './attempts.ts'
import { auditExport } from './audit-export.ts'
import { trySettleStore } from './settle-store.ts'

/**
 * Deletes an export: it is gone from every list with the commit, then its manifest, its file and its row go. What a crash
 * or an unreachable store leaves of that is done by the next reconciliation.
 * @throws Problem EXPORT_NOT_FOUND, EXPORT_UNFINISHED
 */
export async function deleteExport(app: FastifyInstance, id: string, cause: Cause): Promise<void> {
  await app.orm.em.fork().transactional(async (em) => {
    const exported = await requireExport(em, id)
    const { status, title, key, sha256 } = exported
    exported.delete(app.clock.now())
    await auditExport(em, exported, 'deleted', cause, { metadata: { status, title, key, sha256 } })
    await app.signals.send(em, topicOf(id))
  })
  await trySettleStore(app, id)
}
