import type { FastifyInstance } from 'fastify'
import { keepDoing } from '../platform/keep-doing.ts'
import { Batch, unfinished } from './batch.ts'
import { topicOf } from './find-batches.ts'
import { findExpired, recoverExpired } from './lease-queries.ts'
import { findSettled } from './queries.ts'
import { runJob } from './run-job.ts'
import { settleBatch } from './settle-batch.ts'

/** Sooner than others: an item may not stay out of reach for longer than 15 s after its worker died. */
const fastMs = 5_000

/**
 * Sees to it, at the start and from then on, that no batch stays half done: what dead workers held is given back, a batch
 * that Holdfast works on has a job, and one that has nothing left to do has ended.
 */
export function keepReconciled(app: FastifyInstance): void {
  keepDoing(app, 'batches could not be reconciled', () => reconcileBatches(app), fastMs)
}

/** Once. */
export async function reconcileBatches(app: FastifyInstance): Promise<void> {
  const em = app.orm.em.fork()
  const now = app.clock.now()
  for (const id of await findExpired(em, now)) {
    await recoverExpired(em, id, now)
    await app.signals.send(em, topicOf(id))
  }
  const batches = await em.find(Batch, { status: { $in: [...unfinished] } })
  await requeue(
    app,
    batches.filter((batch) => batch.isOurs() && batch.status !== 'paused'),
  )
  const ids = batches.map(({ id }) => id)
  for (const id of await findSettled(em, ids)) await settleBatch(app, id)
}

/** Enqueuing does nothing where a job waits or runs. */
async function requeue(app: FastifyInstance, batches: Batch[]): Promise<void> {
  await app.orm.em.fork().transactional(async (em) => {
    for (const { id } of batches) await app.queue.enqueue(em, runJob, { id }, id)
  })
}
