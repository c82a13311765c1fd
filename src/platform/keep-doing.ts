import type { FastifyInstance } from 'fastify'

/** How soon, at the latest, somebody takes up what a dead process left behind, in milliseconds. */
const usualMs = 15_000

/**
 * Does something at the start and from then on, never twice at a time in this process, until the service closes. What
 * goes wrong is logged, and tried again the next time.
 * @param what for the log: `snapshots could not be reconciled`
 * @param everyMs from the beginning of one time to that of the next
 */
export function keepDoing(
  app: FastifyInstance,
  what: string,
  work: () => Promise<void>,
  everyMs: number = usualMs,
): void {
  let running = Promise.resolve()
  const run = () => {
    running = running.then(work).catch((error: unknown) => app.log.error({ err: error }, what))
  }
  let timer: NodeJS.Timeout
  app.addHook('onReady', async () => {
    run()
    timer = setInterval(run, everyMs).unref()
  })
  app.addHook('preClose', async () => {
    clearInterval(timer)
    await running
  })
}
