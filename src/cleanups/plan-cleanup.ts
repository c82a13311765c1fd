import type { FastifyInstance } from 'fastify'
import type { Cause } from '../audit/actor.ts'
import type { Dataset } from '../datasets/definition.ts'
import type { Scope } from '../datasets/scope.ts'
import { announce } from '../notifications/announce.ts'
import type { EntityManager } from '../platform/database.ts'
import { newId } from '../platform/entity.ts'
import { auditCleanup } from './attempts.ts'
import { Cleanup, type CleanupOrigin, type CleanupTarget, type StoredPlan } from './cleanup.ts'
import { requireRemovable } from './require-removable.ts'
import { surveyCleanup, type SurveyedCleanup } from './survey-cleanup.ts'

export interface CleanupToPlan {
  dataset: Dataset
  scope: Scope
  target: CleanupTarget
  dueAt: Date
  origin: CleanupOrigin
  /** It only runs when a notice of it was delivered. */
  noticeRequired: boolean
  /** More than this waits until somebody confirms. */
  limit: { records: number | null; percent: number | null }
  /** Which of some objects may go at all: those that were delivered. Default: every one. */
  only?: (keys: string[]) => Promise<Set<string>>
}

/**
 * Plans a removal for later, in the name of a rule: what is to go is written down key by key, and announced in the same
 * transaction. What another cleanup that waits has already is left to that one.
 * @returns null when there is nothing to remove
 * @throws Problem SOURCE_PERMISSION_MISSING when it could never run, SOURCE_…, STORE_…, DATASET_WITHOUT_FILES
 */
export async function planCleanup(
  app: FastifyInstance,
  { dataset, scope, target, dueAt, origin, noticeRequired, limit, only }: CleanupToPlan,
  cause: Cause,
): Promise<Cleanup | null> {
  await requireRemovable(app, dataset, target)
  const id = newId()
  const planned = await app.orm.em.fork().transactional(async (em) => {
    const subject = { dataset, scope, target }
    const surveyed = await surveyCleanup(app, subject, {
      ...{ em, cleanupId: id, skipPlanned: true },
      ...(only && { only }),
    })
    if (surveyed.removes === 0) return null
    const over = overLimit(surveyed, limit)
    const cleanup = em.create(Cleanup, {
      ...{ id, dataset: dataset.name, scope, target, origin, noticeRequired, dueAt },
      ...{ status: over === null ? 'pending' : 'awaiting_confirmation', hold: false, exact: false },
      ...{ announcedDueAt: noticeRequired ? dueAt : null, skipSnapshotCheck: false },
      ...{ plan: { ...surveyed.plan, over }, planHash: surveyed.planHash, gate: null },
      ...{ snapshotId: null, batchId: null, blocked: null, counts: null, error: null },
      ...{ createdBy: cause.actor.email ?? cause.actor.name, createdAt: app.clock.now() },
      ...{ startedAt: null, finishedAt: null, attempts: 0 },
    })
    await em.flush()
    const metadata = { origin, removes: surveyed.removes, dueAt: dueAt.toISOString(), over }
    await auditCleanup(em, cleanup, 'planned', cause, { metadata })
    await announcePlanned(app, em, cleanup)
    return cleanup
  })
  return planned
}

/** In words; null when it is within. */
function overLimit(
  { removes, datasetRecords }: SurveyedCleanup,
  { records, percent }: CleanupToPlan['limit'],
): string | null {
  if (records !== null && removes > records) return `It would remove ${removes}; the limit is ${records}.`
  if (percent === null || datasetRecords === null) return null
  const share = (removes / datasetRecords) * 100
  if (share <= percent) return null
  return `It would remove ${share.toFixed(1)} % of the dataset; the limit is ${percent} %.`
}

async function announcePlanned(app: FastifyInstance, em: EntityManager, cleanup: Cleanup): Promise<void> {
  const { id, dataset, scope, target, dueAt, plan } = cleanup
  await announce(app, em, {
    event: 'cleanup_planned',
    dataset,
    about: { type: 'cleanup', id },
    facts: {
      cleanupId: id,
      scope,
      target,
      counts: countsOf(plan),
      sample: plan.sample,
      dueAt: dueAt.toISOString(),
    },
  })
}

/** Rows by table, or objects. */
export function countsOf(plan: StoredPlan): Record<string, number> {
  if (!('tables' in plan)) return { objects: plan.objects }
  return Object.fromEntries(Object.entries(plan.tables).map(([name, { remove }]) => [name, remove]))
}

/** The cleanups of a dataset that wait or run. */
export async function pendingCleanups(
  em: EntityManager,
  dataset: string,
  target: CleanupTarget,
): Promise<Cleanup[]> {
  const status = { $in: ['pending', 'awaiting_confirmation', 'capturing', 'removing'] } as const
  return em.fork().find(Cleanup, { dataset, target, status }, { orderBy: { dueAt: 'asc', id: 'asc' } })
}
