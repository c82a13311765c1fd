import type { FastifyInstance } from 'fastify'
import { concludeJob } from './conclude-job.ts'
import { Delivery } from './delivery.ts'
import { prepareJob } from './prepare-delivery.ts'

/** How soon, at the latest, somebody takes up what a dead process left behind. */
const intervalMs = 15_000

/**
 * Sees to it, at the start and from then on, that no delivery stays half prepared or without its conclusion: it has a
 * job. What is between the two is the batch's.
 */
export function keepReconciled(app: FastifyInstance): void {
  let running = Promise.resolve()
  const run = () => {
    running = running
      .then(() => requeueUnfinished(app))
      .catch((error: unknown) => app.log.error({ err: error }, 'deliveries could not be reconciled'))
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

/** Enqueuing does nothing where a job waits or runs. */
async function requeueUnfinished({ orm, queue }: FastifyInstance): Promise<void> {
  await orm.em.fork().transactional(async (em) => {
    const where = { $or: [{ status: 'preparing' as const }, { conclusionDue: true }] }
    for (const { id, status } of await em.find(Delivery, where, { fields: ['id', 'status'] }))
      await queue.enqueue(em, status === 'preparing' ? prepareJob : concludeJob, { id }, id)
  })
}
