import { raw, type FilterQuery } from '@mikro-orm/core'
import Type from 'typebox'
import { decodeCursor, encodeCursor } from '../platform/cursors.ts'
import type { EntityManager } from '../platform/database.ts'
import { readRows } from '../platform/read-rows.ts'
import type { Sorting } from '../platform/sorting.ts'
import { AuditEntry } from './audit-entry.ts'

export interface AuditFilter {
  /** Id of a user or token, else an email address or a name. */
  actor?: string
  action?: string
  dataset?: string
  /** Only together with the id: it has no index of its own. */
  entityType?: string
  entityId?: string
  requestId?: string
  outcome?: 'done' | 'refused' | 'failed'
  /** RFC 3339; from inclusive, to exclusive. */
  from?: string
  to?: string
}

const Position = Type.Tuple([
  Type.String({ pattern: String.raw`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$` }),
  Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
])

/** Entries are sorted by when they were written, one way or the other. */
export const auditSorting = {
  columns: { when: { is: 'id' } },
  usual: '-when',
} as const satisfies Sorting<never>

/**
 * Entries, newest first unless `sort` says otherwise. Each filter, and any of them together, has an index in this order
 * (migrations/audit.ts, migrations/audit-filters.ts).
 * @param page where the answer before ended, and how many to answer with
 * @throws CURSOR_INVALID
 */
export async function listAudit(
  em: EntityManager,
  filter: AuditFilter,
  page: { cursor?: string | undefined; limit: number; sort?: string | undefined },
): Promise<{ entries: AuditEntry[]; nextCursor: string | null }> {
  const position = decodeCursor(page.cursor, Position)
  const time = timeOf(filter)
  const direction = page.sort === 'when' ? 'asc' : 'desc'
  const conditions = [
    ...matching(filter),
    ...(await byActor(em, filter.actor)),
    ...after(position, time, direction),
  ]
  const entries = await readRows(em, AuditEntry, { $and: conditions } as FilterQuery<AuditEntry>, {
    orderBy: [{ [raw(time.sql)]: direction }, { seq: direction }],
    limit: page.limit + 1,
  })
  const last = entries.length > page.limit ? entries[page.limit - 1] : undefined
  return {
    entries: entries.slice(0, page.limit),
    nextCursor: last === undefined ? null : encodeCursor([last.at, last.seq]),
  }
}

/** A time of entries as some indexes have it and others don't, and what a time is compared with it as. */
interface Time {
  sql: string
  value: string
}

const plain: Time = { sql: 'at', value: '?::timestamptz' }
const without: Time = { sql: "(at + interval '0')", value: '?::timestamptz' }
const all: Time = { sql: "(at AT TIME ZONE 'UTC')", value: "(?::timestamptz AT TIME ZONE 'UTC')" }

/**
 * What entries are put in order by, so that PostgreSQL can't but take the index that is meant, whatever it thinks of how often
 * and when something comes up. One entity, or one request, has few entries, which its index finds wherever they are: no
 * index has their time. Where nothing is asked for, or what is simply done, as almost all is, one has the time alone.
 */
function timeOf({ entityId, requestId, actor, action, dataset, outcome = 'done' }: AuditFilter): Time {
  if ((entityId ?? requestId) !== undefined) return without
  return (actor ?? action ?? dataset) === undefined && outcome === 'done' ? all : plain
}

function matching(filter: AuditFilter): FilterQuery<AuditEntry>[] {
  const { action, dataset, entityType, entityId, requestId, outcome, from, to } = filter
  const { sql, value } = timeOf(filter)
  const bound = (is: '>=' | '<', time: string) =>
    ({ [raw(`(${sql} ${is} ${value})`, [time])]: true }) as FilterQuery<AuditEntry>
  return [
    ...(action === undefined ? [] : [{ action }]),
    ...(dataset === undefined ? [] : [{ dataset }]),
    ...(entityType === undefined ? [] : [{ entityType }]),
    ...(requestId === undefined ? [] : [{ requestId }]),
    ...(entityId === undefined ? [] : [{ entityIds: { $contains: [entityId] } }]),
    ...(outcome === undefined ? [] : [{ outcome }]),
    ...(from === undefined ? [] : [bound('>=', from)]),
    ...(to === undefined ? [] : [bound('<', to)]),
  ]
}

/** The indexes go by what people know an actor by, so an id is turned into that, and asked for in addition. */
async function byActor(em: EntityManager, actor: string | undefined): Promise<FilterQuery<AuditEntry>[]> {
  if (actor === undefined) return []
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(actor)) return [knownAs(actor)]
  const one = await em.findOne(AuditEntry, { actorId: actor })
  return [{ actorId: actor }, ...(one === null ? [] : [knownAs(one.actorEmail ?? one.actorName)])]
}

function knownAs(name: string): FilterQuery<AuditEntry> {
  return { [raw('coalesce(actor_email, actor_name)')]: name }
}

function after(
  position: [string, number] | null,
  { sql, value }: Time,
  direction: 'asc' | 'desc',
): FilterQuery<AuditEntry>[] {
  if (position === null) return []
  const isBehind = `((${sql}, seq) ${direction === 'desc' ? '<' : '>'} (${value}, ?::bigint))`
  return [{ [raw(isBehind, position)]: true } as FilterQuery<AuditEntry>]
}
