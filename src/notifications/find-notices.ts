import type { FilterQuery } from '@mikro-orm/core'
import type { EntityManager } from '../platform/database.ts'
import { timesBetween } from '../platform/filters.ts'
import { readPage, type Page, type SortedPageQuery } from '../platform/read-page.ts'
import type { Sorting } from '../platform/sorting.ts'
import { notificationProblems } from './errors.ts'
import { Notice, type ChannelKind, type NoticeEvent, type NoticeStatus } from './notice.ts'

/** What a list of notices is narrowed to. */
export interface NoticeFilter {
  dataset?: string
  event?: NoticeEvent
  channel?: ChannelKind
  status?: NoticeStatus
  /** RFC 3339 times between which they were written; `to` is exclusive. */
  from?: string
  to?: string
}

/** What notices can be sorted by; each has an index (migrations/notice-orders.ts). */
export const noticeSorting: Sorting<Notice> = {
  columns: {
    when: { is: 'id' },
    notice: { is: 'text', sql: 'event', of: ({ event }) => event },
    channel: { is: 'text', sql: 'channel', of: ({ channel }) => channel },
    status: { is: 'text', sql: 'status', of: ({ status }) => status },
    attempts: { is: 'integer', sql: 'attempts', of: ({ attempts }) => attempts },
  },
  usual: '-when',
}

/** Notices, newest first unless `sort` says otherwise. @throws Problem CURSOR_INVALID */
export async function listNotices(
  em: EntityManager,
  { from, to, ...equal }: NoticeFilter,
  page: SortedPageQuery,
): Promise<Page<Notice>> {
  const where: FilterQuery<Notice> = { ...equal, createdAt: timesBetween(from, to) }
  return readPage({ em, entity: Notice, where: [where], sorting: noticeSorting }, page)
}

/** A notice as it is now. @throws Problem NOTICE_NOT_FOUND */
export async function findNotice(em: EntityManager, id: string): Promise<Notice> {
  return (await em.fork().findOne(Notice, { id })) ?? notFound(id)
}

/** @throws Problem NOTICE_NOT_FOUND */
export function notFound(id: string): never {
  throw notificationProblems.NOTICE_NOT_FOUND(`There is no notice ${id}.`)
}
