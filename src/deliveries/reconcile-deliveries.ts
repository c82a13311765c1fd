import type { FastifyInstance } from 'fastify'
import { keepDoing } from '../platform/keep-doing.ts'
import { concludeJob } from './conclude-job.ts'
import { Delivery } from './delivery.ts'
import { prepareJob } from './prepare-delivery.ts'

/**
 * Sees to it, at the start and from then on, that no delivery stays half prepared or without its conclusion: it has a
 * job. What is between the two is the batch's.
 */
export function keepReconciled(app: FastifyInstance): void {
  keepDoing(app, 'deliveries could not be reconciled', () => requeueUnfinished(app))
}

/** Enqueuing does nothing where a job waits or runs. */
async function requeueUnfinished({ orm, queue }: FastifyInstance): Promise<void> {
  await orm.em.fork().transactional(async (em) => {
    const where = { $or: [{ status: 'preparing' as const }, { conclusionDue: true }] }
    for (const { id, status } of await em.find(Delivery, where, { fields: ['id', 'status'] }))
      await queue.enqueue(em, status === 'preparing' ? prepareJob : concludeJob, { id }, id)
  })
}
