import { raw, type FilterQuery } from '@mikro-orm/core'
import Type from 'typebox'
import { decodeCursor, encodeCursor } from '../platform/cursors.ts'
import type { EntityManager } from '../platform/database.ts'
import { AuditEntry } from './audit-entry.ts'

export interface AuditFilter {
  /** Id of a user or token, else an email address or a name. */
  actor?: string
  action?: string
  dataset?: string
  entityId?: string
  outcome?: 'done' | 'refused' | 'failed'
  /** RFC 3339; from inclusive, to exclusive. */
  from?: string
  to?: string
}

const Position = Type.Tuple([
  Type.String({ pattern: String.raw`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$` }),
  Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
])

/**
 * Entries, newest first.
 * @param page where the answer before ended, and how many to answer with
 * @throws CURSOR_INVALID
 */
export async function listAudit(
  em: EntityManager,
  filter: AuditFilter,
  page: { cursor?: string; limit: number },
): Promise<{ entries: AuditEntry[]; nextCursor: string | null }> {
  const conditions = [...matching(filter), ...before(decodeCursor(page.cursor, Position))]
  const entries = await em.find(
    AuditEntry,
    { $and: conditions },
    { orderBy: { at: 'desc', seq: 'desc' }, limit: page.limit + 1 },
  )
  const last = entries.length > page.limit ? entries[page.limit - 1] : undefined
  return {
    entries: entries.slice(0, page.limit),
    nextCursor: last === undefined ? null : encodeCursor([last.at, last.seq]),
  }
}

function matching({
  actor,
  action,
  dataset,
  entityId,
  outcome,
  from,
  to,
}: AuditFilter): FilterQuery<AuditEntry>[] {
  return [
    ...(actor === undefined ? [] : [byActor(actor)]),
    ...(action === undefined ? [] : [{ action }]),
    ...(dataset === undefined ? [] : [{ dataset }]),
    ...(entityId === undefined ? [] : [{ entityIds: { $contains: [entityId] } }]),
    ...(outcome === undefined ? [] : [{ outcome }]),
    ...(from === undefined ? [] : [{ at: { $gte: from } }]),
    ...(to === undefined ? [] : [{ at: { $lt: to } }]),
  ]
}

function byActor(actor: string): FilterQuery<AuditEntry> {
  const isId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(actor)
  return isId ? { actorId: actor } : { [raw('coalesce(actor_email, actor_name)')]: actor }
}

/** Said twice, so that the first condition can bound the walk through the index. */
function before(position: [string, number] | null): FilterQuery<AuditEntry>[] {
  if (position === null) return []
  const [at, seq] = position
  return [{ at: { $lte: at } }, { $or: [{ at: { $lt: at } }, { seq: { $lt: seq } }] }]
}
