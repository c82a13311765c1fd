import type { FastifyInstance } from 'fastify'
import { applyJob } from './apply-restore.ts'
import { planJob } from './plan-restore.ts'
import { Restore } from './restore.ts'

/** How soon, at the latest, somebody takes up what a dead process left behind. */
const intervalMs = 15_000

/**
 * Sees to it, at the start and from then on, that no restore stays half done: one that is planning or applying has a
 * job, which begins by finding out what became of the run before.
 */
export function keepReconciled(app: FastifyInstance): void {
  let running = Promise.resolve()
  const run = () => {
    running = running
      .then(() => requeueUnfinished(app))
      .catch((error: unknown) => app.log.error({ err: error }, 'restores could not be reconciled'))
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
    const where = { status: { $in: ['planning', 'applying'] } } as const
    for (const { id, status } of await em.find(Restore, where, { fields: ['id', 'status'] }))
      await queue.enqueue(em, status === 'planning' ? planJob : applyJob, { id }, id)
  })
}
