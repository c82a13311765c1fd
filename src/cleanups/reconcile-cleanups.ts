import type { FastifyInstance } from 'fastify'
import { Cleanup } from './cleanup.ts'
import { captureJob } from './start-cleanup.ts'

/** How soon, at the latest, somebody takes up what a dead process left behind. */
const intervalMs = 15_000

/**
 * Sees to it, at the start and from then on, that no cleanup stays half captured: one that is capturing has a job. One
 * that removes has a batch, which looks after itself.
 */
export function keepReconciled(app: FastifyInstance): void {
  let running = Promise.resolve()
  const run = () => {
    running = running
      .then(() => requeueCapturing(app))
      .catch((error: unknown) => app.log.error({ err: error }, 'cleanups could not be reconciled'))
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
async function requeueCapturing({ orm, queue }: FastifyInstance): Promise<void> {
  await orm.em.fork().transactional(async (em) => {
    for (const { id } of await em.find(Cleanup, { status: 'capturing' }, { fields: ['id'] }))
      await queue.enqueue(em, captureJob, { id }, id)
  })
}
