import type { FastifyInstance } from 'fastify'
import { keepDoing } from '../platform/keep-doing.ts'
import { Export } from './export.ts'
import { generateJob } from './generate-export.ts'
import { trySettleStore } from './settle-store.ts'

/**
 * Sees to it, at the start and from then on, that nothing stays half done: an export that waits or is generating has a
 * job, and the store is as the rows say. Any number of replicas may do it at the same time.
 */
export function keepReconciled(app: FastifyInstance): void {
  keepDoing(app, 'exports could not be reconciled', () => reconcileExports(app))
}

/** Once. Enqueuing does nothing where a job waits or runs. */
export async function reconcileExports(app: FastifyInstance): Promise<void> {
  await app.orm.em.fork().transactional(async (em) => {
    const unfinished = await em.find(
      Export,
      { status: { $in: ['queued', 'generating'] } },
      { fields: ['id'] },
    )
    for (const { id } of unfinished) await app.queue.enqueue(em, generateJob, { id }, id)
  })
  const due = await app.orm.em.fork().find(Export, { storeDue: true }, { fields: ['id'], limit: 1000 })
  for (const { id } of due) await trySettleStore(app, id)
}
