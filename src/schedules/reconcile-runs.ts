import type { FastifyInstance } from 'fastify'
import { keepDoing } from '../platform/keep-doing.ts'
import { runJob } from './carry-out-run.ts'
import { ScheduleRun } from './schedule-run.ts'

/** Sees to it, at the start and from then on, that a run which waits or is under way has a job. */
export function keepReconciled(app: FastifyInstance): void {
  keepDoing(app, 'runs could not be reconciled', () => requeueUnfinished(app))
}

/** Enqueuing does nothing where a job waits or runs. */
async function requeueUnfinished({ orm, queue }: FastifyInstance): Promise<void> {
  await orm.em.fork().transactional(async (em) => {
    const where = { status: { $in: ['queued', 'running'] } } as const
    for (const { id } of await em.find(ScheduleRun, where, { fields: ['id'] }))
      await queue.enqueue(em, runJob, { id }, id)
  })
}
