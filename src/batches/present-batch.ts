import type { FastifyInstance } from 'fastify'
import type { Batch } from './batch.ts'
import { readStandings, type Standing } from './queries.ts'

/** A batch as the API answers with it. */
export type PresentedBatch = ReturnType<typeof present>

/** With what is known of it now. It may have ended since it was read. */
export async function presentBatch(app: FastifyInstance, batch: Batch): Promise<PresentedBatch> {
  return (await presentBatches(app, [batch]))[0]!
}

export async function presentBatches(app: FastifyInstance, batches: Batch[]): Promise<PresentedBatch[]> {
  const now = app.clock.now()
  const ids = batches.map(({ id }) => id)
  const standings = await readStandings(app.orm.em.fork(), ids, now)
  return batches.map((batch) => present(batch, standings.get(batch.id)!, now))
}

function present(batch: Batch, standing: Standing, now: Date) {
  const { id, key, title, dataset, maxAttempts, checkpointEvery, pausedReason, createdBy } = batch
  const { total, completed, failed } = standing
  const pending = total - completed - failed
  const isRunning = batch.status === 'running' && standing.isWorkedOn
  const rate = isRunning ? rateOf(batch, completed + failed, now) : 0
  return {
    ...{ id, key, title, dataset, maxAttempts, checkpointEvery, pausedReason, createdBy },
    handler: batch.webhook ? { webhook: batch.webhook } : batch.handler ? { builtIn: batch.handler } : null,
    origin: { type: batch.originType, id: batch.originId },
    // Nobody works on it: the application's workers are gone, or ours has not begun.
    status: batch.status === 'running' && !isRunning ? ('waiting' as const) : batch.status,
    total,
    completed,
    failed,
    pending,
    progressPercentage: percentageOf(completed, total),
    rate: Math.round(rate * 100) / 100,
    etaSeconds: pending > 0 && rate > 0 ? Math.ceil(pending / rate) : null,
    createdAt: batch.createdAt.toISOString(),
    startedAt: batch.startedAt?.toISOString() ?? null,
    finishedAt: batch.finishedAt?.toISOString() ?? null,
    itemsRemovedAt: batch.itemsRemovedAt?.toISOString() ?? null,
  }
}

/** A hundred only when all is done. */
function percentageOf(completed: number, total: number): number {
  if (total === 0) return 0
  return completed === total ? 100 : Math.min(99, Math.round((100 * completed) / total))
}

/** Items a second, settled in the last seconds. */
function rateOf(batch: Batch, settled: number, now: Date): number {
  const since = batch.earlierAt ?? batch.sampledAt
  if (since === null) return 0
  const before = batch.earlierAt === null ? batch.sampledSettled : batch.earlierSettled
  const seconds = (now.getTime() - since.getTime()) / 1000
  return seconds < 0.5 ? 0 : Math.max(0, settled - before) / seconds
}
