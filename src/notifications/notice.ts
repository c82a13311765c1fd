import { defineEntity, p } from '@mikro-orm/core'
import { noticeEvents } from '../datasets/content-policies.ts'
import { identity } from '../platform/entity.ts'

export type NoticeEvent = (typeof noticeEvents)[number]

export const channelKinds = ['telegram', 'email', 'webhook'] as const
export type ChannelKind = (typeof channelKinds)[number]

export const statuses = ['pending', 'delivered', 'failed'] as const
export type NoticeStatus = (typeof statuses)[number]

/** Why the latest attempt came to nothing. */
export interface NoticeError {
  code: string
  detail: string
}

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
export class Notice extends NoticeSchema.class {}
NoticeSchema.setClass(Notice)

/** @param dataset null for what concerns no dataset */
export function laneOf(channel: ChannelKind, dataset: string | null): string {
  return `${channel}:${dataset ?? ''}`
}
