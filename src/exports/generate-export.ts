import type { FastifyInstance } from 'fastify'
import { systemActor } from '../audit/actor.ts'
import { isDatabaseGone } from '../platform/database-failures.ts'
import { Problem } from '../platform/errors.ts'
import { failpoint } from '../platform/failpoints.ts'
import type { JobRun } from '../platform/queue.ts'
import { lockAttempt, lockExport, Superseded, topicOf, whileItCounts, type Attempt } from './attempts.ts'
import { auditExport } from './audit-export.ts'
import { exportProblems } from './errors.ts'
import type { Export } from './export.ts'
import { describeFailure, fail } from './fail-export.ts'
import { produceExport } from './produce-export.ts'
import { trySettleStore } from './settle-store.ts'
import { removeFile, removeStored } from './stored-exports.ts'

/** The job that makes a queued export. */
export const generateJob = 'exports.generate'

/** An export that was begun this often and never finished takes the service down with it, or can't be finished. */
const maxAttempts = 5

const system = { actor: systemActor }

/**
 * Makes an export that was asked for. Starts over when an earlier run died; does nothing when it is finished already.
 * Every end is recorded in the export; only an interruption, or the loss of Holdfast's own database, escapes, so that the
 * queue runs it again.
 */
export async function generateExport(app: FastifyInstance, id: string, run: JobRun): Promise<void> {
  const begun = await begin(app, id)
  if (begun === null) return
  const { exported, attempt } = begun
  await failpoint('export.begun')
  try {
    await removeStored(app.stores.main, exported, attempt.number)
    await whileItCounts(app, attempt, async (gone) => {
      await produceExport(app, exported, attempt, AbortSignal.any([run.signal, gone]))
    })
  } catch (error) {
    if (isDatabaseGone(error)) throw error
    await settleFailure(app, attempt, error, run)
  }
}

async function begin(
  app: FastifyInstance,
  id: string,
): Promise<{ exported: Export; attempt: Attempt } | null> {
  const begun = await app.orm.em.fork().transactional(async (em) => {
    const exported = await lockExport(em, id)
    if (exported === null || !exported.isUnfinished()) return { exported, attempt: null }
    if (exported.attempts >= maxAttempts) {
      await fail(app, em, exported, interruptedTooOften, system)
      return { exported, attempt: null }
    }
    exported.generate(app.clock.now())
    await auditExport(em, exported, 'started', system, { metadata: { attempt: exported.attempts } })
    await app.signals.send(em, topicOf(id))
    return { exported, attempt: { exportId: id, number: exported.attempts, key: exported.key } }
  })
  const { exported, attempt } = begun
  if (exported !== null && attempt !== null) return { exported, attempt }
  // A run that died may have stored something after its export was given up.
  if (exported?.status === 'failed') await removeStored(app.stores.main, exported)
  return null
}

const interruptedTooOften = describeFailure(
  exportProblems.EXPORT_INTERRUPTED(`It was begun ${maxAttempts} times and interrupted each time.`),
)

/** Failed for good, given up in favour of another attempt, or interrupted and to be run again. */
async function settleFailure(
  app: FastifyInstance,
  attempt: Attempt,
  error: unknown,
  run: JobRun,
): Promise<void> {
  try {
    await app.orm.em.fork().transactional(async (em) => {
      const exported = await lockAttempt(em, attempt)
      if (run.signal.aborted) {
        exported.requeue()
        await auditExport(em, exported, 'interrupted', system, { metadata: { attempt: attempt.number } })
        await app.signals.send(em, topicOf(exported.id))
      } else {
        await fail(app, em, exported, describeFailure(error), system)
      }
    })
  } catch (failure) {
    if (!(failure instanceof Superseded)) throw failure
    return removeSuperseded(app, attempt)
  }
  if (run.signal.aborted) throw error
  if (!(error instanceof Problem)) app.log.error({ err: error, export: attempt.exportId }, 'an export failed')
  await trySettleStore(app, attempt.exportId)
}

/** Removes what a superseded attempt stored, unless the attempt did complete and only its commit's answer was lost. */
async function removeSuperseded(app: FastifyInstance, attempt: Attempt): Promise<void> {
  await app.orm.em.fork().transactional(async (em) => {
    const exported = await lockExport(em, attempt.exportId)
    if (exported?.key === attempt.key && exported.status === 'completed') return
    await removeFile(app.stores.main, attempt.key)
  })
}
