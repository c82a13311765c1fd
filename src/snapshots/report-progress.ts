import type { FastifyInstance } from 'fastify'
import { createReporter, type Reporter } from '../platform/report-progress.ts'
import { topicOf, type Attempt } from './attempts.ts'
import { Snapshot } from './snapshot.ts'

export interface Progress {
  records: number
  /** Of the uncompressed artifact. */
  bytes: number
}

/** Makes an attempt's progress known, as long as the attempt counts. */
export function progressReporter({ orm, signals }: FastifyInstance, attempt: Attempt): Reporter<Progress> {
  return createReporter(async ({ records, bytes }) => {
    await orm.em.fork().transactional(async (em) => {
      const where = { id: attempt.snapshotId, status: 'generating', attempts: attempt.number } as const
      await em.nativeUpdate(Snapshot, where, { progressRecords: records, progressBytes: bytes })
      await signals.send(em, topicOf(attempt.snapshotId))
    })
  })
}
