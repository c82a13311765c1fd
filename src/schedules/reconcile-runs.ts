import type { FastifyInstance } from 'fastify'
import { runJob } from './carry-out-run.ts'
import { ScheduleRun } from './schedule-run.ts'

/** How soon, at the latest, somebody takes up what a dead process left behind. */
const intervalMs = 15_000

/** Sees to it, at the start and from then on, that a run which waits or is under way has a job. */
export function keepReconciled(app: FastifyInstance): void {
  let running = Promise.resolve()
  const run = () => {
    running = running
      .then(() => requeueUnfinished(app))
      .catch((error: unknown) => app.log.error({ err: error }, 'runs could not be reconciled'))
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
    const where = { status: { $in: ['queued', 'running'] } } as const
    for (const { id } of await em.find(ScheduleRun, where, { fields: ['id'] }))
      await queue.enqueue(em, runJob, { id }, id)
  })
}
