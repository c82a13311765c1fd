import type { FastifyInstance } from 'fastify'
import { scheduleJob, type Job } from 'node-schedule'
import { systemClock } from '../platform/clock.ts'
import { tick } from './tick.ts'

/** Ticks at the start and then at every full minute, in every replica. Where a test moves the clock, it ticks itself. */
export function keepTicking(app: FastifyInstance): void {
  if (app.clock !== systemClock) return
  let running = Promise.resolve()
  const run = () => {
    running = running
      .then(() => tick(app))
      .catch((error: unknown) => app.log.error({ err: error }, 'the schedules could not be looked after'))
  }
  let job: Job | undefined
  app.addHook('onReady', async () => {
    run()
    job = scheduleJob({ second: 0 }, run)
  })
  app.addHook('preClose', async () => {
    // A start that failed before it was ready comes here too.
    job?.cancel()
    await running
  })
}
