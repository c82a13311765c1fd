import type { FastifyInstance } from 'fastify'
import type { Cause } from '../audit/actor.ts'
import { parseScope } from '../datasets/scope.ts'
import { requireGate } from '../gates/judge-gate.ts'
import { newId } from '../platform/entity.ts'
import { failpoint } from '../platform/failpoints.ts'
import { auditCleanup } from './attempts.ts'
import { Cleanup, type CleanupTarget, type StoredPlan } from './cleanup.ts'
import { cleanupProblems } from './errors.ts'
import type { PlanWarning } from './plan.ts'
import { requireRemovable } from './require-removable.ts'
import { startCleanup } from './start-cleanup.ts'
import { surveyCleanup, type CleanupSubject } from './survey-cleanup.ts'
import { warningsOf } from './warnings.ts'

export interface WantedCleanup {
  dataset: string
  /** As it came. */
  scope: unknown
  target: CleanupTarget
  planHash?: string
  /** Absent: at once. */
  dueAt?: Date
  skipSnapshotCheck?: boolean
}

export interface CleanupPreview {
  plan: StoredPlan
  planHash: string
  warnings: PlanWarning[]
}

/** What a cleanup would remove. Changes nothing. @throws Problem DATASET_…, SCOPE_INVALID, SOURCE_…, STORE_… */
export async function previewCleanup(
  app: FastifyInstance,
  wanted: Pick<WantedCleanup, 'dataset' | 'scope' | 'target'>,
  cause: Cause,
): Promise<CleanupPreview> {
  const subject = await subjectOf(app, wanted)
  const { plan, planHash } = await surveyCleanup(app, subject)
  return { plan, planHash, warnings: await warningsOf(app, subject, plan, cause.actor) }
}

/**
 * Has records or files removed that somebody has seen in a preview: at once, or when they are due. What is to go is
 * written down here, key by key; nothing else ever does.
 * @throws Problem PLAN_REQUIRED, PLAN_DRIFTED when anything moved since the preview, CLEANUP_EMPTY,
 *   CLEANUP_OPTIONS_INVALID, SNAPSHOT_REQUIRED, SNAPSHOT_STALE, DATASET_…, SCOPE_INVALID, SOURCE_…
 */
export async function requestCleanup(
  app: FastifyInstance,
  wanted: WantedCleanup,
  cause: Cause,
): Promise<Cleanup> {
  const { planHash, dueAt, skipSnapshotCheck = false } = wanted
  if (planHash === undefined)
    throw cleanupProblems.PLAN_REQUIRED('The body must have the planHash of a preview.')
  const now = app.clock.now()
  if (dueAt !== undefined && dueAt <= now) {
    const detail = 'must be in the future'
    throw cleanupProblems.CLEANUP_OPTIONS_INVALID(`dueAt ${detail}`, {
      errors: [{ pointer: '/dueAt', detail }],
    })
  }
  const subject = await subjectOf(app, wanted)
  await requireRemovable(app, subject.dataset, subject.target)
  const gated = { ...subject, operation: 'cleanup', skipSnapshotCheck } as const
  const gate = dueAt === undefined || skipSnapshotCheck ? await requireGate(app, gated, cause) : null
  const id = newId()
  const requested = await app.orm.em.fork().transactional(async (em) => {
    const surveyed = await surveyCleanup(app, subject, { em, cleanupId: id, skipPlanned: false })
    if (surveyed.planHash !== planHash)
      throw cleanupProblems.PLAN_DRIFTED(
        'What the scope selects is not what the plan saw. Nothing was removed.',
      )
    if (surveyed.removes === 0) throw cleanupProblems.CLEANUP_EMPTY('There is nothing to remove.')
    const cleanup = em.create(Cleanup, {
      ...{ id, dataset: subject.dataset.name, scope: subject.scope, target: subject.target },
      ...{ origin: 'person', status: 'pending', hold: false, dueAt: dueAt ?? now, announcedDueAt: null },
      ...{ exact: dueAt === undefined, noticeRequired: false, skipSnapshotCheck },
      ...{ plan: surveyed.plan, planHash, gate: null, snapshotId: null, batchId: null, blocked: null },
      ...{ counts: null, error: null, createdBy: cause.actor.email ?? cause.actor.name, createdAt: now },
      ...{ startedAt: null, finishedAt: null, attempts: 0 },
    })
    await em.flush()
    const metadata = { planHash, removes: surveyed.removes, dueAt: dueAt?.toISOString() ?? null }
    await auditCleanup(em, cleanup, 'requested', cause, { metadata })
    if (dueAt === undefined) await startCleanup(app, em, cleanup, gate!, cause)
    return cleanup
  })
  await failpoint('cleanup.requested')
  return requested
}

async function subjectOf(
  app: FastifyInstance,
  { dataset: name, scope, target }: Pick<WantedCleanup, 'dataset' | 'scope' | 'target'>,
): Promise<CleanupSubject> {
  const dataset = await app.datasets.current(name)
  return { dataset, scope: parseScope(scope, dataset), target }
}
