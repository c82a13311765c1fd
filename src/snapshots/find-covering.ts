import { raw, type FilterQuery } from '@mikro-orm/core'
import type { Actor } from '../audit/actor.ts'
import type { Dataset, TableNode } from '../datasets/definition.ts'
import { coversScope, lackOf, type Lack } from '../datasets/scope-coverage.ts'
import type { Scope } from '../datasets/scope.ts'
import type { EntityManager } from '../platform/database.ts'
import { Snapshot, type CompletedSnapshot } from './snapshot.ts'

/** A snapshot, and what it lacks of a scope; `lack` is null when it covers it. */
export interface Coverage {
  snapshot: CompletedSnapshot
  lack: Lack | null
}

/**
 * The latest completed snapshot since an instant that covers a scope.
 * @param actor a member is only given a snapshot of exactly the records that were asked for
 */
export async function findCovering(
  em: EntityManager,
  dataset: Dataset,
  scope: Scope,
  since: Date,
  actor: Actor,
): Promise<Snapshot | null> {
  const fits = (snapshot: CompletedSnapshot) =>
    lackIn(snapshot, dataset, scope) === null &&
    (actor.role !== 'member' || coversScope(scope, snapshot.scope, dataset.timezone))
  const found = await findCandidates(em, dataset, scope, { takenAt: { $gte: since } }, fits)
  return found.find(fits) ?? null
}

/** The latest completed snapshot that covers a scope; where none does, the one that lacks least of it. */
export async function findNearest(
  em: EntityManager,
  dataset: Dataset,
  scope: Scope,
): Promise<Coverage | null> {
  const covers = (snapshot: CompletedSnapshot) => lackIn(snapshot, dataset, scope) === null
  const found = await findCandidates(em, dataset, scope, {}, covers)
  const judged = found.map((snapshot) => ({ snapshot, lack: lackIn(snapshot, dataset, scope) }))
  const lacks = ({ lack }: Coverage) => lack?.size ?? 0
  return judged.reduce<Coverage | null>(
    (best, one) => (best === null || lacks(one) < lacks(best) ? one : best),
    null,
  )
}

/**
 * The latest completed snapshots of each kind of scope, latest first, so that many of single records hide none of all.
 * Once one fits, only those that are newer still matter.
 * Never one that Holdfast took before it changed rows: it holds what was touched, which its scope doesn't tell.
 */
async function findCandidates(
  em: EntityManager,
  dataset: Dataset,
  scope: Scope,
  more: FilterQuery<Snapshot>,
  fits: (snapshot: CompletedSnapshot) => boolean,
): Promise<CompletedSnapshot[]> {
  const found = new Map<string, CompletedSnapshot>()
  let newer: FilterQuery<Snapshot> = {}
  for (const [condition, limit] of kindsFor(scope)) {
    const where = {
      dataset: dataset.name,
      status: 'completed',
      deletedAt: null,
      trigger: { $in: ['manual', 'pre_sync', 'scheduled'] },
      $and: [condition, more, newer],
    } as FilterQuery<Snapshot>
    const latest = { orderBy: { takenAt: 'desc', id: 'desc' }, limit } as const
    const completed = (await em.fork().find(Snapshot, where, latest)).map((one) => one.requireCompleted())
    for (const snapshot of completed) found.set(snapshot.id, snapshot)
    const fitting = completed.find(fits)
    if (fitting !== undefined) newer = { takenAt: { $gt: fitting.takenAt } }
  }
  return [...found.values()].sort((a, b) => b.takenAt.getTime() - a.takenAt.getTime())
}

/** Of lists of keys, which may be long and many, those that have all of the wanted ones, and a few that may have some. */
function kindsFor(scope: Scope): [condition: FilterQuery<Snapshot>, limit: number][] {
  const kinds: [FilterQuery<Snapshot>, number][] = [
    [{ [raw(`scope -> 'all'`)]: { $ne: null } }, 10],
    [{ [raw(`scope -> 'all'`)]: null, [raw(`scope -> 'keys'`)]: null }, 200],
    [{ [raw(`scope -> 'keys'`)]: { $ne: null } }, 10],
  ]
  if (!('keys' in scope)) return kinds
  return [...kinds, [{ [raw(`scope -> 'keys' @> ?::jsonb`, [JSON.stringify(scope.keys)])]: true }, 10]]
}

/** A table that the dataset has got since a snapshot was taken is not in it, whatever its scope. */
function lackIn(snapshot: CompletedSnapshot, dataset: Dataset, scope: Scope): Lack | null {
  const unknown = tablesOf(dataset.root).filter((table) => !(table in snapshot.counts))
  if (unknown.length > 0) return { words: `the rows of ${unknown.join(', ')}`, size: Number.MAX_VALUE }
  return lackOf(snapshot.scope, scope, dataset.timezone)
}

function tablesOf({ name, children }: TableNode): string[] {
  return [name, ...children.flatMap(tablesOf)]
}
