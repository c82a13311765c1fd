import type { FilterQuery } from '@mikro-orm/core'
import Type from 'typebox'
import { decodeCursor, encodeCursor } from '../platform/cursors.ts'
import type { EntityManager } from '../platform/database.ts'
import { notificationProblems } from './errors.ts'
import { Notice, type ChannelKind, type NoticeEvent, type NoticeStatus } from './notice.ts'

/** What a list of notices is narrowed to. */
export interface NoticeQuery {
  dataset?: string
  event?: NoticeEvent
  channel?: ChannelKind
  status?: NoticeStatus
  /** RFC 3339 times between which they were written; `to` is exclusive. */
  from?: string
  to?: string
  limit?: number
  cursor?: string
}

const Position = Type.Tuple([Type.String({ format: 'uuid' })])

/** Notices, newest first; ids are ordered by time. @throws Problem CURSOR_INVALID */
export async function listNotices(
  em: EntityManager,
  { limit = 50, cursor, from, to, ...equal }: NoticeQuery,
): Promise<{ notices: Notice[]; nextCursor: string | null }> {
  const [before] = decodeCursor(cursor, Position) ?? []
  const where: FilterQuery<Notice> = {
    ...equal,
    createdAt: { ...(from !== undefined && { $gte: from }), ...(to !== undefined && { $lt: to }) },
    ...(before !== undefined && { id: { $lt: before } }),
  }
  const found = await em.fork().find(Notice, where, { orderBy: { id: 'desc' }, limit: limit + 1 })
  const last = found.length > limit ? found[limit - 1] : undefined
  return {
    notices: found.slice(0, limit),
    nextCursor: last === undefined ? null : encodeCursor([last.id]),
  }
}

/** A notice as it is now. @throws Problem NOTICE_NOT_FOUND */
export async function findNotice(em: EntityManager, id: string): Promise<Notice> {
  return (await em.fork().findOne(Notice, { id })) ?? notFound(id)
}

/** @throws Problem NOTICE_NOT_FOUND */
export function notFound(id: string): never {
  throw notificationProblems.NOTICE_NOT_FOUND(`There is no notice ${id}.`)
}
