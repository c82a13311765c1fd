import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import type { Actor } from '../audit/actor.ts'
import { decodeCursor, encodeCursor } from '../platform/cursors.ts'
import { findSnapshots, type SnapshotFilter } from './find-snapshots.ts'
import { recordCoverage } from './holds-record.ts'
import type { Snapshot, SnapshotStatus, SnapshotTrigger } from './snapshot.ts'
import { memberCondition, visibleOf } from './visible-snapshots.ts'

export interface ListQuery {
  dataset?: string
  /** Those that cover this record of `dataset`, its key as people type it. */
  key?: string
  status?: SnapshotStatus
  trigger?: SnapshotTrigger
  /** RFC 3339 times between which they were asked for; `to` is exclusive. */
  from?: string
  to?: string
  limit?: number
  cursor?: string
}

/** How many snapshots one page looks into at most, when most of them don't fit; the next page goes on from there. */
const lookedIntoAtMost = 200

const Position = Type.Tuple([Type.String({ format: 'uuid' })])

/**
 * Lists the snapshots that somebody may see, newest first.
 * @returns with `key`, and for a member, perhaps fewer than `limit` although more may follow
 * @throws Problem CURSOR_INVALID, VALIDATION_FAILED or SCOPE_INVALID for the key, DATASET_…; STORE_UNREACHABLE when an
 *   artifact had to be looked into
 */
export async function listSnapshots(
  app: FastifyInstance,
  actor: Actor,
  { limit = 50, cursor, key, from, to, ...filter }: ListQuery,
): Promise<{ snapshots: Snapshot[]; nextCursor: string | null }> {
  const coverage = key === undefined ? null : recordCoverage(app, filter.dataset, key)
  const conditions = [coverage?.condition, memberCondition(app, actor)]
  const narrowed: SnapshotFilter = {
    ...filter,
    ...(from !== undefined && { from: new Date(from) }),
    ...(to !== undefined && { to: new Date(to) }),
    and: conditions.filter((condition) => condition !== undefined && condition !== null),
  }
  const snapshots: Snapshot[] = []
  let last = decodeCursor(cursor, Position)?.[0]
  for (let looked = 0; looked < lookedIntoAtMost;) {
    const found = await findSnapshots(app.orm.em, narrowed, limit + 1, last)
    const visible = await visibleOf(app, actor, found)
    for (const snapshot of found.slice(0, limit)) {
      if (snapshots.length === limit) return { snapshots, nextCursor: encodeCursor([last!]) }
      if (visible.has(snapshot) && (await (coverage?.covers(snapshot) ?? true))) snapshots.push(snapshot)
      last = snapshot.id
      looked++
    }
    if (found.length <= limit) return { snapshots, nextCursor: null }
  }
  return { snapshots, nextCursor: encodeCursor([last!]) }
}
