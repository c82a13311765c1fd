import type { FastifyInstance } from 'fastify'
import { findBatch } from '../batches/find-batches.ts'
import { blockersOf } from './blockers.ts'
import type { Cleanup, CodedReason } from './cleanup.ts'
import { leftWords } from './warnings.ts'
import { presentCleanup } from './present-cleanup.ts'
import { conditionsOf } from './run-due-cleanups.ts'

/** All that the page of a cleanup shows. */
export async function describeCleanup(app: FastifyInstance, cleanup: Cleanup) {
  const { id, dataset: name, error } = cleanup
  const explained = error === null ? undefined : app.problems.get(error.code)
  const presented = await presentCleanup(app, cleanup)
  const dataset = app.datasets.list().find((listed) => listed.name === name) ?? { name, title: name }
  return {
    title: `Cleanup of ${dataset.title}`,
    path: `/cleanups/${id}`,
    backTo: `/cleanups/${id}`,
    cleanup: presented,
    dataset,
    waiting: cleanup.isWaiting(),
    busy: cleanup.isRunning(),
    refresh: cleanup.isRunning(),
    blockers: cleanup.isWaiting() ? await blockersNow(app, cleanup) : [],
    originPath: (await app.cleanupOrigins.get(cleanup.origin)?.(cleanup)) ?? null,
    undoable: cleanup.isOver() && cleanup.snapshotId !== null && (cleanup.counts?.removed ?? 0) > 0,
    progress: await progressOf(app, cleanup, presented.progress),
    errorTitle: explained?.title,
    errorHint: explained?.hint,
    leftWords,
  }
}

/** What stands against it besides the time: what the schedule would find if its deadline had come. */
export async function blockersNow(app: FastifyInstance, cleanup: Cleanup): Promise<CodedReason[]> {
  const conditions = await conditionsOf(app, app.orm.em.fork(), cleanup)
  const { dueAt, announcedDueAt } = cleanup
  const deadline = Math.max(dueAt.getTime(), announcedDueAt?.getTime() ?? 0, app.clock.now().getTime())
  return blockersOf(cleanup, conditions, new Date(deadline))
}

type Progress = Awaited<ReturnType<typeof presentCleanup>>['progress']

/** For views/partials/progress.eta. */
async function progressOf(app: FastifyInstance, cleanup: Cleanup, progress: Progress) {
  const unit = cleanup.target === 'records' ? 'record' : 'object'
  if (progress === null || cleanup.batchId === null)
    return { phase: 'Capturing and verifying what goes', unit, done: 0, total: 0 }
  const done = progress.removed + progress.left
  const { startedAt } = await findBatch(app.orm.em, cleanup.batchId)
  const seconds = startedAt === null ? 0 : (app.clock.now().getTime() - startedAt.getTime()) / 1000
  const rate = seconds > 1 ? done / seconds : 0
  const secondsLeft = rate > 0 ? Math.ceil((progress.total - done) / rate) : 0
  return { phase: 'Removing', unit, done, total: progress.total, rate, secondsLeft }
}
