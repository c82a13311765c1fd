import type { FastifyInstance } from 'fastify'
import { isDatabaseGone } from '../platform/database-failures.ts'
import { Problem } from '../platform/errors.ts'
import { BatchPaused } from './batch-paused.ts'
import type { Batch } from './batch.ts'
import type { BuiltInHandler } from './batches.ts'
import { backoffMs, type Work } from './work.ts'

/** Has a handler of ours do the items, one at a time. */
export function builtInWork(app: FastifyInstance, batch: Batch, handler: BuiltInHandler): Work {
  const { id, key, context } = batch
  return {
    concurrency: handler.concurrency ?? 1,
    perCall: 1,
    async do([item], signal) {
      try {
        const result = await handler.run({ ...item!, batch: { id, key, context } }, signal)
        return [{ id: item!.id, outcome: { completed: true, result } }]
      } catch (error) {
        if (signal.aborted || error instanceof BatchPaused || isDatabaseGone(error)) throw error
        if (!(error instanceof Problem))
          app.log.error({ err: error, batch: id, item: item!.id }, 'an item failed')
        const retryAt = new Date(app.clock.now().getTime() + backoffMs(item!.attempt))
        return [{ id: item!.id, outcome: { completed: false, error: describeFailure(error), retryAt } }]
      }
    },
  }
}

/** What is kept of an item's failure. */
function describeFailure(error: unknown): { code: string; detail: string } {
  if (error instanceof Problem) return { code: error.code, detail: error.message }
  return { code: 'UNEXPECTED', detail: error instanceof Error ? error.message : String(error) }
}
