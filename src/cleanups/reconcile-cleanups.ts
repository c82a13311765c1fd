import type { FastifyInstance } from 'fastify'
import { keepDoing } from '../platform/keep-doing.ts'
import { Cleanup } from './cleanup.ts'
import { captureJob } from './start-cleanup.ts'

/**
 * Sees to it, at the start and from then on, that no cleanup stays half captured: one that is capturing has a job. One
 * that removes has a batch, which looks after itself.
 */
export function keepReconciled(app: FastifyInstance): void {
  keepDoing(app, 'cleanups could not be reconciled', () => requeueCapturing(app))
}

/** Enqueuing does nothing where a job waits or runs. */
async function requeueCapturing({ orm, queue }: FastifyInstance): Promise<void> {
  await orm.em.fork().transactional(async (em) => {
    for (const { id } of await em.find(Cleanup, { status: 'capturing' }, { fields: ['id'] }))
      await queue.enqueue(em, captureJob, { id }, id)
  })
}
