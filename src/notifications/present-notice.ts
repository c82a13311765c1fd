import type { FastifyInstance } from 'fastify'
import type { Dataset } from '../datasets/definition.ts'
import { datasetOf, findChannel, type Channel } from './channels.ts'
import { describeNotice, textOf, type NoticeText } from './describe-notice.ts'
import type { Notice } from './notice.ts'

/** A notice as the API answers with it: in words, and whom it reaches, but never with a secret. */
export function presentNotice(app: FastifyInstance, notice: Notice) {
  const dataset = datasetOf(app, notice.dataset)
  const words = wordsOf(app, notice, dataset)
  const channel = findChannel(app.config, dataset, notice.channel)
  return {
    id: notice.id,
    event: notice.event,
    dataset: notice.dataset,
    about: { type: notice.aboutType, id: notice.aboutId },
    channel: notice.channel,
    to: channel === null ? null : reachedBy(channel),
    status: notice.status,
    title: words.title,
    text: textOf(words, notice.maybeRepeated),
    attempts: notice.attempts,
    nextAttemptAt: notice.status === 'pending' ? notice.nextAttemptAt.toISOString() : null,
    attemptedAt: iso(notice.attemptedAt),
    deliveredAt: iso(notice.deliveredAt),
    maybeRepeated: notice.maybeRepeated,
    answer: notice.answer,
    error: notice.error,
    createdAt: notice.createdAt.toISOString(),
  }
}

/** A notice in words, in its dataset's time zone. */
export function wordsOf({ config }: FastifyInstance, notice: Notice, dataset: Dataset | null): NoticeText {
  const { publicUrl, timezone } = config
  const name = dataset?.title ?? notice.dataset ?? ''
  return describeNotice(notice, { dataset: name, timezone: dataset?.timezone ?? timezone, publicUrl })
}

/** Whom a channel reaches. A webhook's path may be as good as a password. */
export function reachedBy(channel: Channel): string {
  if (channel.kind === 'telegram') return `chat ${channel.chatId}`
  return channel.kind === 'email' ? channel.to.join(', ') : new URL(channel.url).host
}

function iso(at: Date | null): string | null {
  return at?.toISOString() ?? null
}
