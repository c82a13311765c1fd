import type { FastifyInstance } from 'fastify'
import { deliverJob } from './notice.ts'
import { dueLanes } from './queries.ts'

/** How soon, at the latest, a notice that is due gets its turn. */
const intervalMs = 15_000

/** How soon after a turn it is looked whether another is wanted: when the job is over, and takes no other's place. */
const pauseMs = 500

/**
 * Sees to it, at the start and from then on, that every lane in which something is due has a job. Any number of replicas
 * may do it at the same time.
 * @returns what to call at the end of a lane's turn: a notice that came in that moment found its lane still busy
 */
export function keepDelivering(app: FastifyInstance): { lookAgain(): void } {
  let running = Promise.resolve()
  let isClosing = false
  const run = () => {
    if (isClosing) return
    running = running
      .then(() => reconcileNotices(app))
      .catch((error: unknown) => app.log.error({ err: error }, 'notices could not be reconciled'))
  }
  let timer: NodeJS.Timeout
  let soon: NodeJS.Timeout | undefined
  const lookAgain = () => {
    clearTimeout(soon)
    soon = setTimeout(run, pauseMs).unref()
  }
  app.addHook('onReady', async () => {
    lookAgain() // the queue starts after the features are ready
    timer = setInterval(run, intervalMs).unref()
  })
  app.addHook('preClose', async () => {
    isClosing = true
    clearInterval(timer)
    clearTimeout(soon)
    await running
  })
  return { lookAgain }
}

/** Once. Enqueuing does nothing where a job waits or runs. */
export async function reconcileNotices({ orm, queue, clock }: FastifyInstance): Promise<void> {
  await orm.em.fork().transactional(async (em) => {
    for (const lane of await dueLanes(em, clock.now())) await queue.enqueue(em, deliverJob, { lane }, lane)
  })
}
