import type { FastifyInstance } from 'fastify'
import { batchProblems } from './errors.ts'
import { topicOf } from './find-batches.ts'
import { deleteLease, releaseItems, renewLease } from './lease-queries.ts'

/**
 * Makes a lease last longer, counted from now.
 * @returns until when
 * @throws Problem LEASE_LOST
 */
export async function renewItems(
  app: FastifyInstance,
  batchId: string,
  lease: string,
  leaseSeconds: number,
): Promise<Date> {
  const now = app.clock.now()
  const expiresAt = new Date(now.getTime() + leaseSeconds * 1000)
  if (await renewLease(app.orm.em.fork(), batchId, lease, now, expiresAt)) return expiresAt
  throw batchProblems.LEASE_LOST(`Lease ${lease} is not there any more.`)
}

/**
 * Gives items back that were not worked on, so that others can have them at once. Safe to repeat.
 * @param ids null: all that the lease still has
 * @returns those that it had
 */
export async function giveBack(
  app: FastifyInstance,
  batchId: string,
  lease: string,
  ids: string[] | null,
): Promise<string[]> {
  return app.orm.em.fork().transactional(async (em) => {
    const released = await releaseItems(em, batchId, lease, ids)
    if (ids === null) await deleteLease(em, batchId, lease)
    await app.signals.send(em, topicOf(batchId))
    return released
  })
}
