import type { FastifyInstance } from 'fastify'
import { newId } from '../platform/entity.ts'
import { appendAudit } from './append-audit.ts'
import { AuditCheck, checkJob } from './audit-check.ts'
import { AuditEntry } from './audit-entry.ts'
import type { Cause } from './actor.ts'

/** How long checks are remembered, in days. */
const keptDays = 400

/** Has the whole chain verified in the background. @returns the check that is under way, when there is one */
export async function startCheck(app: FastifyInstance, cause: Cause): Promise<AuditCheck> {
  const now = app.clock.now()
  return app.orm.em.fork().transactional(async (em) => {
    const [last] = await em.find(AuditEntry, {}, { orderBy: { seq: 'desc' }, limit: 1 })
    const id = newId()
    const facts = { id, createdBy: cause.actor.email ?? cause.actor.name, createdAt: now }
    await em
      .createQueryBuilder(AuditCheck)
      .insert({
        ...facts,
        total: last?.seq ?? 0,
        checked: 0,
        finishedAt: null,
        published: null,
        result: null,
      })
      .onConflict()
      .ignore()
      .execute()
    const check = await em.findOneOrFail(AuditCheck, { finishedAt: null })
    if (check.id !== id) return check
    const old = new Date(now.getTime() - keptDays * 86_400_000)
    await em.nativeDelete(AuditCheck, { finishedAt: { $lt: old } })
    const entry = { action: 'audit.verified', entityType: 'audit_check', entityIds: [id] }
    await appendAudit(em, { ...cause, ...entry })
    await app.queue.enqueue(em, checkJob, { id }, id)
    return check
  })
}
