import type { FastifyInstance } from 'fastify'
import { systemActor } from '../audit/actor.ts'
import { BatchPaused } from '../batches/batch-paused.ts'
import { topicOf } from '../batches/find-batches.ts'
import type { Cleanup } from '../cleanups/cleanup.ts'
import { noteInRecords } from '../datasets/note-queries.ts'
import { Problem } from '../platform/errors.ts'
import { failpoint } from '../platform/failpoints.ts'
import type { JobRun } from '../platform/queue.ts'
import { auditDelivery } from './audit-delivery.ts'
import { deliverIndex } from './deliver-index.ts'
import type { Delivery } from './delivery.ts'
import { findDelivery, lockDelivery } from './find-deliveries.ts'
import type { Destinations } from './open-destination.ts'
import { planOriginals } from './plan-originals.ts'

/**
 * Does what has to follow a complete delivery: the index goes along, the cleanup of the originals is planned, the token is
 * wiped. Starts over when an earlier run died. What can't be done is noted; the files are delivered all the same.
 */
export async function concludeDelivery(
  app: FastifyInstance,
  destinations: Destinations,
  id: string,
  run: JobRun,
): Promise<void> {
  const delivery = await findDelivery(app.orm.em, id)
  if (!delivery.conclusionDue) return
  const notes = await tryIndex(app, delivery, destinations, run.signal)
  const planned = await tryCleanup(app, delivery)
  await app.orm.em.fork().transactional(async (em) => {
    const locked = await lockDelivery(em, id)
    if (!locked.conclusionDue) return
    locked.conclude([...notes, ...planned.notes], planned.cleanup)
    const { notes: said, cleanupId } = locked
    await auditDelivery(
      em,
      locked,
      'concluded',
      { actor: systemActor },
      { metadata: { notes: said, cleanupId } },
    )
    await app.signals.send(em, topicOf(locked.batchId))
  })
  await failpoint('delivery.concluded')
  destinations.forget(id)
}

async function tryIndex(
  app: FastifyInstance,
  delivery: Delivery,
  destinations: Destinations,
  signal: AbortSignal,
): Promise<string[]> {
  try {
    await deliverIndex(app, delivery, destinations.open(delivery.id, delivery.destination), signal)
    return []
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof Problem) && !(error instanceof BatchPaused)) throw error
    return [`The index did not go along: ${error.message} It is here: /api/deliveries/${delivery.id}/index`]
  }
}

/** A source or a store that can't be asked now is asked again when the job is run again. */
async function tryCleanup(
  app: FastifyInstance,
  delivery: Delivery,
): Promise<{ cleanup: Cleanup | null; notes: string[] }> {
  try {
    const cleanup = await planOriginals(app, delivery)
    if (cleanup !== null) await noteInSource(app, delivery, cleanup.dueAt)
    return { cleanup, notes: [] }
  } catch (error) {
    if (!(error instanceof Problem) || error.status >= 500) throw error
    return { cleanup: null, notes: [`No cleanup of the originals is planned: ${error.message}`] }
  }
}

/** In the records themselves, where the dataset has a column for that. */
async function noteInSource(
  app: FastifyInstance,
  { dataset: name, scope }: Delivery,
  at: Date,
): Promise<void> {
  const dataset = await app.datasets.current(name)
  const column = dataset.notes.cleanupScheduledAt
  if (column !== null) await noteInRecords(app.datasets.source(dataset), dataset, { column, scope, at })
}
