import type { FastifyInstance } from 'fastify'
import { systemActor, type Cause } from '../audit/actor.ts'
import { newId } from '../platform/entity.ts'
import { Problem } from '../platform/errors.ts'
import { failpoint } from '../platform/failpoints.ts'
import type { JobRun } from '../platform/queue.ts'
import { findSnapshot } from '../snapshots/find-snapshots.ts'
import type { KeyValue } from '../snapshots/manifest.ts'
import { pairWithSource } from '../snapshots/pair-with-source.ts'
import { inSharedSnapshot } from '../source/shared-snapshot.ts'
import {
  auditRestore,
  beginAttempt,
  changeAttempt,
  progressReporter,
  Superseded,
  watchAttempt,
} from './attempts.ts'
import { openDraft } from './draft-plan.ts'
import { describeFailure } from './describe-failure.ts'
import type { Mode, Plan } from './plan.ts'
import { requireKeys } from './require-keys.ts'
import { openContext, type RestoreContext } from './restore-context.ts'
import { Restore, type RestoreProgress } from './restore.ts'

/** The job that works a plan out. */
export const planJob = 'restores.plan'

export interface PlanRequest {
  snapshotId: string
  mode: Mode
  keys: KeyValue[][] | null
  /** The restore that this one takes back. */
  undoes?: string
}

/**
 * Asks for the plan of a restore: what it would create, change and delete, and why not. Changes nothing in the source.
 * @returns the restore, still planning
 * @throws Problem SNAPSHOT_NOT_FOUND, SNAPSHOT_NOT_COMPLETED, DATASET_…, KEY_NOT_IN_SNAPSHOT
 */
export async function planRestore(
  app: FastifyInstance,
  request: PlanRequest,
  cause: Cause,
): Promise<Restore> {
  const snapshot = (await findSnapshot(app.orm.em, request.snapshotId)).requireCompleted()
  const dataset = await app.datasets.current(snapshot.dataset)
  const keys = request.keys === null ? null : await requireKeys(app, dataset, snapshot, request.keys)
  const restore = await app.orm.em.fork().transactional(async (em) => {
    const restore = em.create(Restore, {
      id: newId(),
      dataset: dataset.name,
      snapshotId: snapshot.id,
      mode: request.mode,
      keys,
      undoes: request.undoes ?? null,
      status: 'planning',
      warnings: [],
      createdBy: cause.actor.name,
      createdAt: app.clock.now(),
      attempts: 0,
    })
    await em.flush()
    await auditRestore(em, restore, request.undoes ? 'undo-requested' : 'requested', cause, {
      snapshotId: snapshot.id,
    })
    await app.queue.enqueue(em, planJob, { id: restore.id }, restore.id)
    return restore
  })
  await failpoint('restore.requested')
  return restore
}

/** Works the plan out. Starts over when an earlier run died; every end is recorded in the restore. */
export async function runPlan(app: FastifyInstance, id: string, run: JobRun): Promise<void> {
  const begun = await beginAttempt(app, id, 'planning')
  if (begun === null) return
  const { restore, attempt } = begun
  await failpoint('restore.plan-begun')
  const watch = watchAttempt(app, attempt)
  const progress = progressReporter(app, attempt)
  try {
    const context = await openContext(app, restore)
    const signal = AbortSignal.any([run.signal, watch.signal])
    const plan = await draftPlan(context, restore, progress.report, signal)
    await progress.settled()
    await changeAttempt(app, attempt, async (current, em) => {
      current.planned(plan, app.clock.now())
      const { operations, hash } = plan
      await auditRestore(
        em,
        current,
        'planned',
        { actor: systemActor },
        { metadata: { operations, planHash: hash } },
      )
    })
    await failpoint('restore.planned')
  } catch (error) {
    if (run.signal.aborted) throw error
    if (error instanceof Superseded) return
    if (!(error instanceof Problem))
      app.log.error({ err: error, restore: id }, 'a restore could not be planned')
    await progress.settled()
    await recordFailure(app, attempt, error)
  } finally {
    watch.stop()
  }
}

async function recordFailure(
  app: FastifyInstance,
  attempt: Parameters<typeof changeAttempt>[1],
  error: unknown,
) {
  await changeAttempt(app, attempt, async (restore, em) => {
    restore.fail(describeFailure(error), app.clock.now())
    const metadata = { error: restore.error }
    await auditRestore(em, restore, 'plan-failed', { actor: systemActor }, { metadata, outcome: 'failed' })
  }).catch((failure: unknown) => {
    if (!(failure instanceof Superseded)) throw failure
  })
}

/** In a transaction that can write nothing but its own temporary tables. */
async function draftPlan(
  context: RestoreContext,
  restore: Restore,
  report: (progress: RestoreProgress) => void,
  signal: AbortSignal,
): Promise<Plan> {
  const { source, store, manifest, dataset, condition } = context
  return source.withConnection(async (client) => {
    const draft = await openDraft({ client, mode: restore.mode, ...context })
    try {
      return await inSharedSnapshot(source, client, 'read only', async (instant) => {
        const keys = restore.keys === null ? {} : { keys: restore.keys }
        const pairs = pairWithSource({ store, manifest, dataset, client, instant, condition, ...keys })
        for await (const _touched of draft.stage(pairs)) {
          signal.throwIfAborted()
          report({ phase: 'comparing', records: draft.tally.live + draft.tally.differing })
        }
        return draft.settle(false)
      })
    } finally {
      await draft.drop()
    }
  })
}
