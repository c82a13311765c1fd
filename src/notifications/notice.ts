import { defineEntity, p } from '@mikro-orm/core'
import { noticeEvents } from '../datasets/content-policies.ts'
import { identity } from '../platform/entity.ts'
import type { FailureKind, NoticeError } from './delivery-failure.ts'
import { notificationProblems } from './errors.ts'

export type NoticeEvent = (typeof noticeEvents)[number]

export const channelKinds = ['telegram', 'email', 'webhook'] as const
export type ChannelKind = (typeof channelKinds)[number]

export const statuses = ['pending', 'delivered', 'failed'] as const
export type NoticeStatus = (typeof statuses)[number]

const NoticeSchema = defineEntity({
  name: 'Notice',
  tableName: 'notices',
  properties: {
    ...identity,
    event: p.enum(noticeEvents),
    dataset: p.text().strictNullable(),
    aboutType: p.text(),
    aboutId: p.text(),
    /** Tells several notices of one event about the same thing apart. */
    key: p.text(),
    channel: p.enum(channelKinds),
    /** Those of one lane go out one after the other: a dataset's on one channel. */
    lane: p.text(),
    /** What the texts are made of. Where it goes is looked up when it goes, so that no secret is stored. */
    facts: p.json<Record<string, unknown>>(),
    status: p.enum(statuses),
    /** How often sending it was begun. Also the fence: only the latest attempt may change the row. */
    attempts: p.integer(),
    nextAttemptAt: p.datetime(),
    /** A failure from then on is the last. */
    giveUpAt: p.datetime(),
    /** An attempt is under way since then, or died. */
    sendingSince: p.datetime().strictNullable(),
    /** An earlier attempt died after it may have been sent. */
    maybeRepeated: p.boolean(),
    /** The other side asked for a rest, or can't be reached: nothing of the lane is sent before. */
    lanePausedUntil: p.datetime().strictNullable(),
    attemptedAt: p.datetime().strictNullable(),
    deliveredAt: p.datetime().strictNullable(),
    /** What the other side said to the latest attempt. */
    answer: p.text().strictNullable(),
    error: p.json<NoticeError>().strictNullable(),
    createdAt: p.datetime(),
  },
})

/** One thing that happened, told on one channel: a row of the outbox. */
export class Notice extends NoticeSchema.class {
  /** Begins an attempt, whatever became of the one before: one that never ended may have arrived. */
  begin(now: Date): void {
    this.maybeRepeated ||= this.sendingSince !== null
    this.attempts += 1
    this.sendingSince = now
    this.attemptedAt = now
  }

  /** @param answer what the other side said */
  deliver(answer: string, now: Date): void {
    this.status = 'delivered'
    this.deliveredAt = now
    this.answer = answer
    this.error = null
    this.rest(null)
  }

  /** Tries again later where that may help and there is time left. */
  fail(
    error: NoticeError,
    { temporary, retryAfterMs, pausesLane, mayHaveArrived }: FailureKind,
    now: Date,
  ): void {
    this.error = error
    this.maybeRepeated ||= mayHaveArrived ?? false
    if (!temporary || now >= this.giveUpAt) this.status = 'failed'
    const later = now.getTime() + (retryAfterMs ?? backoffMs(this.attempts))
    this.nextAttemptAt = new Date(later)
    this.rest(temporary && pausesLane ? this.nextAttemptAt : null)
  }

  /** Somebody wants it tried again, now, however often it failed. @throws Problem NOTICE_DELIVERED */
  retry(now: Date): void {
    if (this.status === 'delivered')
      throw notificationProblems.NOTICE_DELIVERED(`Notice ${this.id} was delivered.`)
    this.status = 'pending'
    this.nextAttemptAt = now
    this.giveUpAt = new Date(now.getTime() + patienceMs)
    this.lanePausedUntil = null
  }

  private rest(until: Date | null): void {
    this.sendingSince = null
    this.lanePausedUntil = until
  }
}
NoticeSchema.setClass(Notice)

/** @param dataset null for what concerns no dataset */
export function laneOf(channel: ChannelKind, dataset: string | null): string {
  return `${channel}:${dataset ?? ''}`
}

/** The job that sends what waits in a lane. */
export const deliverJob = 'notifications.deliver'

/** What waits for a notice listens to. */
export function topicOf(id: string): string {
  return `notice:${id}`
}

/** The first time that a notice is left alone after a failure; twice as long each time, at most an hour. */
const [firstBackoffMs, longestBackoffMs] = [15_000, 3_600_000]

/** With a fifth more or less, so that what failed together doesn't come back together. */
function backoffMs(attempts: number): number {
  const exact = Math.min(firstBackoffMs * 2 ** (attempts - 1), longestBackoffMs)
  return exact * (0.8 + 0.4 * Math.random())
}

/** How long a notice is tried. */
export const patienceMs = 3 * 86_400_000
