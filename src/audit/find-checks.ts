import type { FastifyInstance } from 'fastify'
import { paceOf } from '../platform/pace.ts'
import type { EntityManager } from '../platform/database.ts'
import { AuditCheck, topicOf } from './audit-check.ts'
import { auditProblems } from './errors.ts'

/** A check as it is now. @throws AUDIT_CHECK_NOT_FOUND */
export async function findCheck(em: EntityManager, id: string): Promise<AuditCheck> {
  const check = await em.fork().findOne(AuditCheck, { id })
  if (check === null) throw auditProblems.AUDIT_CHECK_NOT_FOUND(`There is no check ${id}.`)
  return check
}

/** The latest checks, newest first. */
export async function latestChecks(em: EntityManager, limit: number): Promise<AuditCheck[]> {
  return em.fork().find(AuditCheck, {}, { orderBy: { id: 'desc' }, limit })
}

/** @returns the check when it is finished, or as it is when the time is over */
export async function waitUntilChecked(
  { orm, signals }: FastifyInstance,
  { id }: AuditCheck,
  seconds: number,
): Promise<AuditCheck> {
  const look = async () => {
    const latest = await findCheck(orm.em, id)
    return latest.finishedAt === null ? null : latest
  }
  return (await signals.waitFor(topicOf(id), look, seconds * 1000)) ?? findCheck(orm.em, id)
}

/** A check as the API answers with it. */
export function presentCheck({ id, createdBy, createdAt, total, checked, finishedAt, ...check }: AuditCheck) {
  const { published, result } = check
  return {
    ...{ id, status: finishedAt === null ? 'running' : 'completed', createdBy },
    ...{ createdAt: createdAt.toISOString(), finishedAt: finishedAt?.toISOString() ?? null },
    ...{ total, checked },
    verification:
      result === null || finishedAt === null
        ? null
        : { ...result, published, checkedAt: finishedAt.toISOString() },
  } as const
}

/** How far it is, for views/partials/progress.eta. */
export function progressOf({ createdAt, total, checked }: AuditCheck, now: Date) {
  const seconds = (now.getTime() - createdAt.getTime()) / 1000
  return { phase: 'Computing hashes', unit: 'entry', many: 'entries', ...paceOf(checked, total, seconds) }
}
