import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import type { Actor } from '../audit/actor.ts'
import { decodeCursor, encodeCursor } from '../platform/cursors.ts'
import type { Export, ExportStatus } from './export.ts'
import { findExports, type ExportFilter } from './find-exports.ts'
import type { ExportFormat } from './rendering.ts'
import { memberCondition, visibleOf } from './visible-exports.ts'

export interface ListQuery {
  dataset?: string
  format?: ExportFormat
  status?: ExportStatus
  /** RFC 3339 times between which they were asked for; `to` is exclusive. */
  from?: string
  to?: string
  limit?: number
  cursor?: string
}

/** How many exports one page looks into at most, when most of them are not for the reader; the next page goes on. */
const lookedIntoAtMost = 200

const Position = Type.Tuple([Type.String({ format: 'uuid' })])

/**
 * Lists the exports that somebody may see, newest first.
 * @returns for a member perhaps fewer than `limit` although more may follow
 * @throws Problem CURSOR_INVALID, DATASET_…
 */
export async function listExports(
  app: FastifyInstance,
  actor: Actor,
  { limit = 50, cursor, from, to, ...filter }: ListQuery,
): Promise<{ exports: Export[]; nextCursor: string | null }> {
  const condition = memberCondition(app, actor)
  const narrowed: ExportFilter = {
    ...filter,
    ...(from !== undefined && { from: new Date(from) }),
    ...(to !== undefined && { to: new Date(to) }),
    and: condition === null ? [] : [condition],
  }
  const exports: Export[] = []
  let last = decodeCursor(cursor, Position)?.[0]
  for (let looked = 0; looked < lookedIntoAtMost;) {
    const found = await findExports(app.orm.em, narrowed, limit + 1, last)
    const visible = await visibleOf(app, actor, found)
    for (const exported of found.slice(0, limit)) {
      if (exports.length === limit) return { exports, nextCursor: encodeCursor([last!]) }
      if (visible.has(exported)) exports.push(exported)
      last = exported.id
      looked++
    }
    if (found.length <= limit) return { exports, nextCursor: null }
  }
  return { exports, nextCursor: encodeCursor([last!]) }
}
