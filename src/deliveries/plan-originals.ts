import { isDeepStrictEqual } from 'node:util'
import type { FastifyInstance } from 'fastify'
import { systemActor } from '../audit/actor.ts'
import type { Cleanup } from '../cleanups/cleanup.ts'
import { pendingCleanups, planCleanup, type CleanupToPlan } from '../cleanups/plan-cleanup.ts'
import type { Delivery } from './delivery.ts'
import { findDelivered } from './queries.ts'

/**
 * Plans the removal of a complete delivery's originals, for as long after its end as the dataset says; of those that it
 * has delivered, and of no file that came into the scope since. Repeating it finds the cleanup that is there.
 * @returns the cleanup that removes them; null when there is nothing to remove
 * @throws Problem SOURCE_…, STORE_…, DATASET_…
 */
export async function planOriginals(app: FastifyInstance, delivery: Delivery): Promise<Cleanup | null> {
  const { id, scope, finishedAt } = delivery
  if (finishedAt === null) return null
  const dataset = await app.datasets.current(delivery.dataset)
  const earlier = await pendingCleanups(app.orm.em, dataset.name, 'files')
  const alike = earlier.filter(
    (cleanup) => cleanup.origin === 'delivery' && isDeepStrictEqual(cleanup.scope, scope),
  )
  const mine = alike.find(({ createdAt }) => createdAt >= finishedAt)
  if (mine !== undefined) return mine
  const wanted: CleanupToPlan = {
    dataset,
    scope,
    target: 'files',
    dueAt: delivery.cleanupAt(finishedAt),
    origin: 'delivery',
    noticeRequired: false,
    limit: { records: null, percent: null },
    only: (keys: string[]) => findDelivered(app.orm.em.fork(), id, keys),
  }
  // Where the same files were delivered before, they go when that was announced to be.
  return (await planCleanup(app, wanted, { actor: systemActor })) ?? alike[0] ?? null
}
