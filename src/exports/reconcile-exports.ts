import type { FastifyInstance } from 'fastify'
import { Export } from './export.ts'
import { generateJob } from './generate-export.ts'
import { trySettleStore } from './settle-store.ts'

/** How soon, at the latest, somebody takes up what a dead process left behind. */
const intervalMs = 15_000

/**
 * Sees to it, at the start and from then on, that nothing stays half done: an export that waits or is generating has a
 * job, and the store is as the rows say. Any number of replicas may do it at the same time.
 */
export function keepReconciled(app: FastifyInstance): void {
  let running = Promise.resolve()
  const run = () => {
    running = running
      .then(() => reconcileExports(app))
      .catch((error: unknown) => app.log.error({ err: error }, 'exports could not be reconciled'))
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
