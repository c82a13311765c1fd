import type { FastifyInstance } from 'fastify'
import type pg from 'pg'
import { systemActor, type Cause } from '../audit/actor.ts'
import { Problem } from '../platform/errors.ts'
import { failpoint } from '../platform/failpoints.ts'
import type { JobRun } from '../platform/queue.ts'
import { requireStored } from '../snapshots/artifact-reader.ts'
import { isStreamed, pairWithSource } from '../snapshots/pair-with-source.ts'
import { inSharedSnapshot, type SharedSnapshot } from '../source/shared-snapshot.ts'
import { markWork } from '../source/marked-work.ts'
import { currentTransaction } from '../source/transaction-status.ts'
import {
  auditRestore,
  beginAttempt,
  changeAttempt,
  lockRestore,
  progressReporter,
  Superseded,
  topicOf,
  watchAttempt,
  type Attempt,
} from './attempts.ts'
import { captureTouched } from './capture-touched.ts'
import { describeFailure, meaningForRestore } from './describe-failure.ts'
import { openDraft, type Draft } from './draft-plan.ts'
import { restoreProblems } from './errors.ts'
import type { KeyValue } from '../snapshots/manifest.ts'
import type { Plan, PlanWarning } from './plan.ts'
import { requireWritable } from './require-writable.ts'
import { openContext, type RestoreContext } from './restore-context.ts'
import type { Restore, RestoreCounts, RestoreProgress } from './restore.ts'
import { interrupted, settleInterrupted } from './settle-interrupted.ts'
import { lockRows } from './write-rows.ts'

/** The job that carries a plan out. */
export const applyJob = 'restores.apply'

/**
 * Asks for a plan to be carried out.
 * @param planHash the hash that the plan was shown with
 * @throws Problem RESTORE_UNKNOWN, RESTORE_NOT_PLANNED, PLAN_REQUIRED, PLAN_DRIFTED, RESTORE_BLOCKED,
 *   SOURCE_PERMISSION_MISSING, SOURCE_…
 */
export async function applyRestore(
  app: FastifyInstance,
  id: string,
  planHash: string | undefined,
  cause: Cause,
): Promise<Restore> {
  const restore = await app.orm.em.fork().transactional(async (em) => {
    const restore = await lockRestore(em, id)
    restore.apply(planHash, app.clock.now())
    await requireWritable(app, restore)
    restore.attempts = 0
    await auditRestore(em, restore, 'application-requested', cause, { metadata: { planHash } })
    await app.queue.enqueue(em, applyJob, { id }, id)
    await app.signals.send(em, topicOf(id))
    return restore
  })
  await failpoint('restore.application-requested')
  return restore
}

/**
 * Carries the plan out, whole or not at all. A run that finds that an earlier one died does not go on: it finds out
 * on which side of the commit that was, and says so.
 */
export async function runApplication(app: FastifyInstance, id: string, run: JobRun): Promise<void> {
  const begun = await beginAttempt(app, id, 'applying')
  if (begun === null) return
  const { restore, attempt } = begun
  await failpoint('restore.application-begun')
  if (attempt.number > 1) return settleInterrupted(app, restore, attempt)
  const watch = watchAttempt(app, attempt)
  const progress = progressReporter(app, attempt)
  try {
    const context = await openContext(app, restore)
    const signal = AbortSignal.any([run.signal, watch.signal])
    const outcome = await carryOut({ app, restore, attempt, context, report: progress.report, signal })
    await progress.settled()
    await recordCompletion(app, attempt, outcome)
    await failpoint('restore.completed')
  } catch (error) {
    const meaning = meaningForRestore(error)
    if (!(meaning instanceof Problem)) app.log.error({ err: error, restore: id }, 'a restore failed')
    await progress.settled()
    await recordFailure(app, attempt, run.signal.aborted ? interrupted() : meaning)
  } finally {
    watch.stop()
  }
}

interface Work {
  app: FastifyInstance
  restore: Restore
  attempt: Attempt
  context: RestoreContext
  report: (progress: RestoreProgress) => void
  signal: AbortSignal
}

interface Outcome {
  counts: RestoreCounts
  warnings: PlanWarning[]
  preRestoreSnapshotId: string | null
}

async function carryOut(work: Work): Promise<Outcome> {
  const { restore, context } = work
  return context.source.withConnection(async (client) => {
    const draft = await openDraft({ client, mode: restore.mode, ...context })
    try {
      return await inSharedSnapshot(context.source, client, 'read write', (instant) =>
        change(work, client, instant, draft),
      )
    } finally {
      await draft.drop().catch(() => undefined)
    }
  })
}

/**
 * Compare, capture, read back, lock, write, prove, commit: in one transaction on the source. Everything before the
 * commit can be taken back; what decides whether it happened is the commit alone.
 */
async function change(
  work: Work,
  client: pg.PoolClient,
  instant: SharedSnapshot,
  draft: Draft,
): Promise<Outcome> {
  const { restore, context, report, signal } = work
  const untouched = restore.plan!.differing === 0
  if (mayFill(work) && (await draft.fill(restore.plan!, context.source))) {
    await markWork(client, topicOf(restore.id))
    await requireStored(context.store, context.manifest, signal)
  }
  const preRestoreSnapshotId = untouched
    ? null
    : await captureTouched({
        ...work,
        client,
        draft,
        pairs: pairs(work, client, instant),
        settle: () => settle(work, client, draft),
      })
  if (untouched) {
    for await (const _none of draft.stage(pairs(work, client, instant))) signal.throwIfAborted()
    await settle(work, client, draft)
  }
  await failpoint('restore.captured')
  report({ phase: 'writing', records: restore.plan!.differing })
  const altered = await draft.write(context.source)
  await failpoint('restore.written')
  signal.throwIfAborted()
  await commit(work, client, preRestoreSnapshotId)
  const { operations, tables, warnings } = restore.plan!
  return { counts: { ...operations, tables }, warnings: [...warnings, ...altered], preRestoreSnapshotId }
}

/** What is looked up on the connection that writes would see what it has written. */
function mayFill({ restore, context }: Work): boolean {
  return isStreamed({ ...context, ...(restore.keys !== null && { keys: restore.keys }) })
}

/**
 * The artifact's records beside the source's. When they have ended every byte that is stored has been read and hashed;
 * of given records only the frames that hold them are.
 */
async function* pairs(
  { restore, context, report, signal }: Work,
  client: pg.PoolClient,
  instant: SharedSnapshot,
) {
  const { store, manifest, dataset, condition } = context
  const keys = restore.keys === null ? {} : { keys: restore.keys }
  let records = 0
  for await (const batch of pairWithSource({
    store,
    manifest,
    dataset,
    client,
    instant,
    condition,
    ...keys,
  })) {
    signal.throwIfAborted()
    records += batch.length
    report({ phase: 'comparing', records })
    yield batch
  }
}

/** The plan as it comes out now must be the one that was shown; then its rows are locked. */
async function settle({ restore, report }: Work, client: pg.PoolClient, draft: Draft): Promise<void> {
  await failpoint('restore.verified')
  const now = await draft.settle(true)
  const then = restore.plan!
  if (now.hash !== then.hash) throw drifted(then, now)
  report({ phase: 'capturing', records: then.differing })
  await markWork(client, topicOf(restore.id))
  await lockRows(client, draft.stages)
  await failpoint('restore.locked')
}

/** Records named as moved at most. */
const namedMoved = 20

function drifted(then: Plan, now: Plan): Problem {
  const before = new Map(then.differences.map(([key, digest]) => [JSON.stringify(key), digest]))
  const after = new Map(now.differences.map(([key, digest]) => [JSON.stringify(key), digest]))
  const keys = [...new Set([...before.keys(), ...after.keys()])].filter(
    (key) => before.get(key) !== after.get(key),
  )
  const moved = keys.slice(0, namedMoved).map((key) => JSON.parse(key) as KeyValue[])
  const which =
    moved.length > 0
      ? `${keys.slice(0, 3).join(', ')}${keys.length > 3 ? ` and ${keys.length - 3} more` : ''}`
      : 'what they point at'
  return restoreProblems.PLAN_DRIFTED(
    `Since the plan was made, records have moved: ${which}. Nothing was changed.`,
    {
      extensions: { moved },
    },
  )
}

/** Records the transaction's number first: after a crash its status in the source tells whether it was committed. */
async function commit(
  { app, attempt, context }: Work,
  client: pg.PoolClient,
  preRestoreSnapshotId: string | null,
): Promise<void> {
  const { transaction, backend } = await currentTransaction(context.source, client)
  await changeAttempt(app, attempt, (restore) => {
    restore.sourceTransaction = transaction
    restore.sourceBackend = backend
    restore.preRestoreSnapshotId = preRestoreSnapshotId
  })
  await failpoint('restore.recorded')
  await client.query('COMMIT')
  await failpoint('restore.committed')
}

async function recordCompletion(app: FastifyInstance, attempt: Attempt, outcome: Outcome): Promise<void> {
  const { counts, warnings, preRestoreSnapshotId } = outcome
  await changeAttempt(app, attempt, async (restore, em) => {
    restore.complete(counts, warnings, preRestoreSnapshotId, app.clock.now())
    const metadata = { counts, warnings: Math.max(restore.plan?.warningCount ?? 0, warnings.length) }
    await auditRestore(
      em,
      restore,
      'applied',
      { actor: systemActor },
      { metadata, snapshotId: preRestoreSnapshotId },
    )
  })
}

/** A failure after the commit was sent may have happened on either side of it. */
async function recordFailure(app: FastifyInstance, attempt: Attempt, error: unknown): Promise<void> {
  try {
    const restore = await changeAttempt(app, attempt, async (current, em) => {
      if (current.sourceTransaction !== null) return current
      current.fail(describeFailure(error), app.clock.now())
      const metadata = { error: current.error }
      await auditRestore(em, current, 'failed', { actor: systemActor }, { metadata, outcome: 'failed' })
      return current
    })
    if (restore.status === 'applying') await settleInterrupted(app, restore, attempt)
  } catch (failure) {
    if (!(failure instanceof Superseded)) throw failure
  }
}
