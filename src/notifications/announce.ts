import type { FastifyInstance } from 'fastify'
import { canonicalJson } from '../audit/canonical.ts'
import type { EntityManager } from '../platform/database.ts'
import { newId } from '../platform/entity.ts'
import { redact } from '../platform/redact.ts'
import { channelsFor, datasetOf } from './channels.ts'
import { deliverJob, laneOf, Notice, patienceMs, type NoticeEvent } from './notice.ts'
import { insertNotice } from './queries.ts'

/** Something that people want to hear of. */
export interface Announcement {
  event: NoticeEvent
  /** Null for what concerns no dataset: it goes to the channels of the environment. */
  dataset: string | null
  /** What it is about, such as `{ type: 'snapshot', id }`. */
  about: { type: string; id: string }
  /** What the text is made of, by event; see describe-notice.ts. Secrets in it are redacted. */
  facts: Record<string, unknown>
  /** Tells several announcements of the same event about the same thing apart. */
  key?: string
}

/**
 * Puts a notice for each channel that wants the event into the outbox, in the entity manager's transaction: it goes out
 * if the change is committed, and whatever becomes of it does not touch the change. The same event about the same thing,
 * with the same key, is told once.
 * @returns how many notices were written: 0 when nobody wants to hear of it, or has been told
 * @throws when there is no transaction
 */
export async function announce(
  app: FastifyInstance,
  em: EntityManager,
  { event, dataset, about, facts, key = '' }: Announcement,
): Promise<number> {
  if (!em.isInTransaction()) throw new Error(`${event}: a notice needs the change's transaction`)
  const createdAt = app.clock.now()
  let written = 0
  for (const { kind } of channelsFor(app.config, datasetOf(app, dataset), event)) {
    const lane = laneOf(kind, dataset)
    const isNew = await insertNotice(em, {
      ...{ id: newId(), event, dataset, aboutType: about.type, aboutId: about.id, key, channel: kind, lane },
      facts: storable(facts),
      createdAt,
      giveUpAt: new Date(createdAt.getTime() + patienceMs),
    })
    if (!isNew) continue
    await app.queue.enqueue(em, deliverJob, { lane }, lane)
    written += 1
  }
  return written
}

/** Without secrets, and without what PostgreSQL's jsonb can't hold. */
function storable(facts: Record<string, unknown>): Record<string, unknown> {
  return JSON.parse(canonicalJson(redact(facts))) as Record<string, unknown>
}

export interface NoticeState {
  /** `none`: nobody was to be told. `delivered`: at least one channel has delivered it. */
  state: 'none' | 'pending' | 'delivered' | 'failed'
  /** When the first channel delivered it. */
  deliveredAt: Date | null
}

/** How far people have been told of an event about something. */
export async function noticeState(
  em: EntityManager,
  about: { type: string; id: string },
  event: NoticeEvent,
): Promise<NoticeState> {
  const where = { aboutType: about.type, aboutId: about.id, event }
  const notices = await em.find(Notice, where, { disableIdentityMap: true })
  const times = notices.flatMap(({ deliveredAt }) => deliveredAt ?? [])
  if (times.length > 0)
    return { state: 'delivered', deliveredAt: new Date(Math.min(...times.map((at) => at.getTime()))) }
  if (notices.length === 0) return { state: 'none', deliveredAt: null }
  const isPending = notices.some(({ status }) => status === 'pending')
  return { state: isPending ? 'pending' : 'failed', deliveredAt: null }
}
