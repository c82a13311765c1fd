import type { FastifyInstance } from 'fastify'
import { keepDoing } from '../platform/keep-doing.ts'
import { applyJob } from './apply-restore.ts'
import { planJob } from './plan-restore.ts'
import { Restore } from './restore.ts'

/**
 * Sees to it, at the start and from then on, that no restore stays half done: one that is planning or applying has a
 * job, which begins by finding out what became of the run before.
 */
export function keepReconciled(app: FastifyInstance): void {
  keepDoing(app, 'restores could not be reconciled', () => requeueUnfinished(app))
}

/** Enqueuing does nothing where a job waits or runs. */
async function requeueUnfinished({ orm, queue }: FastifyInstance): Promise<void> {
  await orm.em.fork().transactional(async (em) => {
    const where = { status: { $in: ['planning', 'applying'] } } as const
    for (const { id, status } of await em.find(Restore, where, { fields: ['id', 'status'] }))
      await queue.enqueue(em, status === 'planning' ? planJob : applyJob, { id }, id)
  })
}
