import type { Actor } from '../audit/actor.ts'
import type { Dataset } from '../datasets/definition.ts'
import { coversScope } from '../datasets/scope-coverage.ts'
import type { Scope } from '../datasets/scope.ts'
import type { EntityManager } from '../platform/database.ts'
import { Snapshot } from './snapshot.ts'

/** How many of the latest snapshots are looked at. */
const lookBack = 200

/**
 * The latest completed snapshot since an instant whose scope covers another. Never a restore's safety snapshot: it
 * holds what the restore touched, which its scope doesn't tell.
 * @param actor a member is only given a snapshot of exactly the records that were asked for
 */
export async function findCovering(
  em: EntityManager,
  { name, timezone }: Dataset,
  scope: Scope,
  since: Date,
  actor: Actor,
): Promise<Snapshot | null> {
  const recent = await em
    .fork()
    .find(
      Snapshot,
      { dataset: name, status: 'completed', deletedAt: null, restoreId: null, takenAt: { $gte: since } },
      { orderBy: { takenAt: 'desc', id: 'desc' }, limit: lookBack },
    )
  const fits = (snapshot: Snapshot) =>
    coversScope(snapshot.scope, scope, timezone) &&
    (actor.role !== 'member' || coversScope(scope, snapshot.scope, timezone))
  return recent.find(fits) ?? null
}
