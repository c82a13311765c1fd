import type { FastifyInstance } from 'fastify'
import { newId } from '../platform/entity.ts'
import { failpoint } from '../platform/failpoints.ts'
import type { Batch } from './batch.ts'
import { batchProblems } from './errors.ts'
import { findBatch, topicOf } from './find-batches.ts'
import { claimNext, nextChange, recoverExpired, type ClaimedItem } from './lease-queries.ts'
import { noteStart } from './queries.ts'

export interface WantedClaim {
  /** What the worker calls itself. */
  worker: string
  limit: number
  leaseSeconds: number
}

/** Items under a lease. */
export interface Claim {
  batch: Batch
  /** Null when there was nothing to claim. */
  lease: string | null
  leaseExpiresAt: Date | null
  items: ClaimedItem[]
}

/**
 * Gives a worker the next items, which are its own until the lease runs out. Those whose lease ran out go to the next.
 * @param waitSeconds how long to wait for items when there are none; not when the batch is over
 * @throws Problem BATCH_UNKNOWN, BATCH_NOT_FOR_WORKERS
 */
export async function claimItems(
  app: FastifyInstance,
  id: string,
  wanted: WantedClaim,
  waitSeconds: number,
): Promise<Claim> {
  const end = performance.now() + waitSeconds * 1000
  const look = async () => {
    const claim = await claimNow(app, id, wanted)
    return claim.lease !== null || claim.batch.isOver() ? claim : null
  }
  for (let claim = await look(); ;) {
    const left = end - performance.now()
    if (claim !== null) return claim
    if (left < 1 || app.closing.aborted) return claimNow(app, id, wanted)
    claim = await app.signals.waitFor(topicOf(id), look, Math.min(left, await untilChange(app, id)))
  }
}

/** How long until there may be items without anybody saying so, in milliseconds: a lease runs out. */
async function untilChange(app: FastifyInstance, id: string): Promise<number> {
  const at = await nextChange(app.orm.em.fork(), id)
  return at === null ? Infinity : Math.max(at.getTime() - app.clock.now().getTime(), 20)
}

async function claimNow(app: FastifyInstance, id: string, wanted: WantedClaim): Promise<Claim> {
  const batch = await findBatch(app.orm.em, id)
  if (batch.isOurs()) throw batchProblems.BATCH_NOT_FOR_WORKERS(`Holdfast works on batch ${id} by itself.`)
  const em = app.orm.em.fork()
  const now = app.clock.now()
  const { worker, limit, leaseSeconds } = wanted
  const expiresAt = new Date(now.getTime() + leaseSeconds * 1000)
  const leaseId = newId()
  await recoverExpired(em, id, now)
  const items = await claimNext(em, { batchId: id, leaseId, worker, limit, now, expiresAt })
  if (items.length === 0) return { batch, lease: null, leaseExpiresAt: null, items }
  await failpoint('batch.claimed')
  if (batch.startedAt === null || batch.sampledAt === null) await noteStart(em, id, now)
  return { batch, lease: leaseId, leaseExpiresAt: expiresAt, items }
}
