import type { FastifyInstance } from 'fastify'
import { Batch } from './batch.ts'
import { topicOf } from './find-batches.ts'
import { recoverExpired } from './queries.ts'
import { runJob } from './run-job.ts'
import { settleBatch } from './settle-batch.ts'

/** How soon, at the latest, somebody takes up what a dead process left behind. */
const intervalMs = 15_000

/**
 * Sees to it, at the start and from then on, that no batch stays half done: what dead workers held is given back, a batch
 * that Holdfast works on has a job, and one that has nothing left to do has ended.
 */
export function keepReconciled(app: FastifyInstance): void {
  let running = Promise.resolve()
  const run = () => {
    running = running
      .then(() => reconcileBatches(app))
      .catch((error: unknown) => app.log.error({ err: error }, 'batches could not be reconciled'))
  }
  let timer: NodeJS.Timeout
  app.addHook('onReady', async () => {
    run()
    timer = setInterval(run, intervalMs).unref()
  })
  app.addHook('preClose', async () => {
    clearInterval(timer)
    await running
  })
}

/** Once. */
export async function reconcileBatches(app: FastifyInstance): Promise<void> {
  const where = { status: { $in: ['running', 'paused', 'cancelling'] } } as const
  for (const batch of await app.orm.em.fork().find(Batch, where)) {
    await app.orm.em.fork().transactional(async (em) => {
      const recovered = await recoverExpired(em, batch.id, app.clock.now())
      if (recovered > 0) await app.signals.send(em, topicOf(batch.id))
      // Enqueuing does nothing where a job waits or runs.
      if (batch.isOurs() && batch.status !== 'paused')
        await app.queue.enqueue(em, runJob, { id: batch.id }, batch.id)
    })
    await settleBatch(app, batch.id)
  }
}
