import { fromKysely, PgBoss, type Job } from 'pg-boss'
import type { FastifyBaseLogger } from 'fastify'
import type { EntityManager } from './database.ts'
import { failpoint } from './failpoints.ts'

/** One run of a job. `signal` aborts when the service shuts down before the work is done; the job then runs again. */
export interface JobRun {
  signal: AbortSignal
  /** 0 for the first run, one more each time an earlier one died. */
  attempt: number
}

export type JobHandler<Data> = (data: Data, run: JobRun) => Promise<void>

/**
 * Durable background work over pg-boss. A worker that dies is noticed by its heart beat within about 10 s and the job
 * runs again, so handlers must be able to start over. A handler settles its own failures (it records them in its
 * entity); only what it did not expect may escape, and is tried twice more.
 */
export interface Queue {
  /** Declares a kind of job; before the service is ready. */
  define<Data extends object>(
    name: string,
    handler: JobHandler<Data>,
    options?: { concurrency?: number },
  ): void
  /** Enqueues within the entity manager's transaction. With `key`, at most one job of that key waits or runs. */
  enqueue(em: EntityManager, name: string, data: object, key: string): Promise<void>
  /** How many jobs of each kind wait and run, over all replicas, as counted within the last seconds. */
  depths(): Promise<{ name: string; waiting: number; running: number }[]>
  start(): Promise<void>
  /** Lets running jobs finish for `graceMs`, then aborts them, and closes the connections. */
  stop(graceMs: number): Promise<void>
}

/** How long a dead worker's job waits before another takes it up, in seconds; pg-boss allows no less. */
const heartbeatSeconds = 10

interface Definition {
  handler: JobHandler<object>
  concurrency: number
}

/** @param url connection string of Holdfast's own database; pg-boss keeps its tables in the schema `pgboss` there */
export function createQueue(url: string, log: FastifyBaseLogger): Queue {
  const boss = new PgBoss({
    connectionString: url,
    application_name: 'holdfast queue',
    max: 5,
    superviseIntervalSeconds: 1,
    monitorIntervalSeconds: 1,
    schedule: false,
    useListenNotify: true,
  })
  boss.on('error', (error) => log.error({ err: error }, 'queue'))
  boss.on('warning', (warning) => log.debug({ warning }, 'queue'))
  const definitions = new Map<string, Definition>()
  const stopping = new AbortController()
  let started = false

  return {
    define(name, handler, { concurrency = 2 } = {}) {
      definitions.set(name, { handler: handler as JobHandler<object>, concurrency })
    },
    async enqueue(em, name, data, key) {
      await failpoint('queue.enqueuing')
      await boss.send(name, data, { singletonKey: key, db: fromKysely(em.getKysely()) })
      await failpoint('queue.enqueued')
    },
    async depths() {
      if (!started) return []
      const queues = await boss.getQueues([...definitions.keys()])
      return queues.map((queue) => ({
        name: queue.name,
        waiting: queue.queuedCount,
        running: queue.activeCount,
      }))
    },
    async start() {
      await boss.start()
      started = true
      for (const [name, definition] of definitions) await work(boss, name, definition, stopping.signal)
    },
    async stop(graceMs) {
      if (!started) return
      const abort = setTimeout(() => stopping.abort(), graceMs)
      await boss.stop({ graceful: true, timeout: graceMs + 5000, close: true })
      clearTimeout(abort)
    },
  }
}

async function work(boss: PgBoss, name: string, { handler, concurrency }: Definition, stopping: AbortSignal) {
  await boss.createQueue(name, {
    policy: 'exclusive',
    heartbeatSeconds,
    expireInSeconds: 86_399,
    retryLimit: 2,
    notify: true,
    deleteAfterSeconds: 86_400,
  })
  const options = {
    localConcurrency: concurrency,
    notifyPollingIntervalSeconds: 2,
    pollingIntervalSeconds: 0.5,
  }
  await boss.work<object>(name, options, async ([job]: Job<object>[]) => {
    if (job === undefined) return
    await failpoint('queue.job-begun')
    await handler(job.data, { signal: AbortSignal.any([job.signal, stopping]), attempt: job.retryCount })
    await failpoint('queue.job-ended')
  })
}
