import type { FastifyInstance } from 'fastify'
import { systemActor } from '../audit/actor.ts'
import { BatchPaused } from '../batches/batch-paused.ts'
import { topicOf } from '../batches/find-batches.ts'
import { Problem } from '../platform/errors.ts'
import type { JobRun } from '../platform/queue.ts'
import { auditDelivery } from './audit-delivery.ts'
import { deliverIndex } from './deliver-index.ts'
import type { Delivery } from './delivery.ts'
import { findDelivery, lockDelivery } from './find-deliveries.ts'
import type { Destinations } from './open-destination.ts'

/**
 * Does what has to follow a complete delivery: the index goes along, and the token is wiped. Starts over when an earlier
 * run died. An index that the destination doesn't take is noted, and is no reason to keep anything else.
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
  await app.orm.em.fork().transactional(async (em) => {
    const locked = await lockDelivery(em, id)
    if (!locked.conclusionDue) return
    locked.conclude(notes)
    await auditDelivery(em, locked, 'concluded', { actor: systemActor }, { metadata: { notes } })
    await app.signals.send(em, topicOf(locked.batchId))
  })
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
