import type { FastifyInstance } from 'fastify'
import type { Cause } from '../audit/actor.ts'
import { createBatch } from '../batches/create-batch.ts'
import type { GatePass } from '../gates/judge-gate.ts'
import type { EntityManager } from '../platform/database.ts'
import { auditCleanup, topicOf } from './attempts.ts'
import type { Cleanup } from './cleanup.ts'
import { assignInOrder, chunkNumbers } from './queries.ts'

/** The job that captures what a cleanup of records removes. */
export const captureJob = 'cleanups.capture'

/** The batches' handlers. */
export const recordsHandler = 'cleanups.remove-records'
export const filesHandler = 'cleanups.remove-files'

/** Objects in one item of a batch. */
const chunkObjects = 1000

/** Begins a cleanup that waits and may run, in the transaction in which that was decided. */
export async function startCleanup(
  app: FastifyInstance,
  em: EntityManager,
  cleanup: Cleanup,
  gate: GatePass,
  cause: Cause,
): Promise<void> {
  cleanup.start(gate, app.clock.now())
  await em.flush()
  await auditCleanup(em, cleanup, 'started', cause, { metadata: { gate } })
  if (cleanup.target === 'records') await app.queue.enqueue(em, captureJob, { id: cleanup.id }, cleanup.id)
  else {
    await assignInOrder(em, cleanup.id, chunkObjects)
    await beginRemoval(app, em, cleanup, null, cause)
  }
  await app.signals.send(em, topicOf(cleanup.id))
}

/** Hands the chunks over to a batch. @param snapshotId what was captured; null for files */
export async function beginRemoval(
  app: FastifyInstance,
  em: EntityManager,
  cleanup: Cleanup,
  snapshotId: string | null,
  cause: Cause,
): Promise<void> {
  const { id, dataset, target } = cleanup
  const chunks = await chunkNumbers(em, id)
  const items = chunks.map((chunk) => ({ id: String(chunk), payload: { chunk } as object }))
  // What others of the same cleanup kept from going gets another go when those are gone.
  if (target === 'records') items.push({ id: 'again', payload: { after: chunks.at(-1) ?? 0 } })
  const batch = await createBatch(
    app,
    em,
    {
      ...{ key: `cleanup:${id}`, title: `Cleanup of ${dataset}`, dataset, items, maxAttempts: 8 },
      ...{ handler: target === 'records' ? recordsHandler : filesHandler, context: { cleanupId: id } },
      origin: { type: 'cleanup', id },
    },
    cause,
  )
  cleanup.remove(snapshotId, batch.id)
}
