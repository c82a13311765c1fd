import type { FastifyInstance } from 'fastify'
import { topicOf, type Attempt } from './attempts.ts'
import { Export } from './export.ts'

export interface Progress {
  records: number
  /** Of the uncompressed artifact. */
  bytes: number
}

/** Twice a second is as often as anybody looks. */
const intervalMs = 500

/**
 * Makes an attempt's progress known to whoever watches, at most twice a second. A report that can't be written is left
 * out: progress is a courtesy, and must not fail the export.
 * @returns `report`, and `settled` to wait until the last report is written
 */
export function progressReporter({ orm, signals }: FastifyInstance, attempt: Attempt) {
  let last = performance.now()
  let writing = Promise.resolve()

  async function write({ records, bytes }: Progress): Promise<void> {
    await orm.em.fork().transactional(async (em) => {
      const where = { id: attempt.exportId, status: 'generating', attempts: attempt.number } as const
      await em.nativeUpdate(Export, where, { progressRecords: records, progressBytes: bytes })
      await signals.send(em, topicOf(attempt.exportId))
    })
  }

  return {
    report(progress: Progress): void {
      if (performance.now() - last < intervalMs) return
      last = performance.now()
      writing = writing.then(() => write(progress)).catch(() => undefined)
    },
    settled: () => writing,
  }
}
