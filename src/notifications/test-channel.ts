import type { FastifyInstance } from 'fastify'
import type { Cause } from '../audit/actor.ts'
import { appendAudit } from '../audit/append-audit.ts'
import { newId } from '../platform/entity.ts'
import { findChannel } from './channels.ts'
import { DeliveryFailure, type NoticeError } from './delivery-failure.ts'
import { notificationProblems } from './errors.ts'
import type { ChannelKind } from './notice.ts'
import { reachedBy } from './present-notice.ts'
import { sendNotice, type Message } from './send-notice.ts'

/** A test is short enough to be seen through. */
const unstopped = new AbortController().signal

/** What came of a test. */
export interface ChannelTest {
  channel: ChannelKind
  dataset: string | null
  /** Whom it was to reach. */
  to: string
  delivered: boolean
  /** What the other side said. */
  answer: string | null
  error: NoticeError | null
  testedAt: Date
}

/**
 * Sends a test message on a channel, at once and once.
 * @param name the dataset whose channel it is; null: the environment's
 * @throws Problem CHANNEL_NOT_CONFIGURED, DATASET_…
 */
export async function testChannel(
  app: FastifyInstance,
  kind: ChannelKind,
  name: string | null,
  cause: Cause,
): Promise<ChannelTest> {
  const dataset = name === null ? null : app.datasets.get(name)
  const channel = findChannel(app.config, dataset, kind)
  if (channel === null) {
    const where = dataset === null ? 'in the environment' : `for dataset ${dataset.name}`
    throw notificationProblems.CHANNEL_NOT_CONFIGURED(`There is no ${kind} ${where}.`)
  }
  const testedAt = app.clock.now()
  const message = testMessage(cause, name, dataset?.title ?? null, testedAt, app.config.publicUrl)
  const outcome = await sendNotice(app, message, channel, unstopped).catch(failureOnly)
  const delivered = typeof outcome === 'string'
  await app.orm.em.fork().transactional((em) =>
    appendAudit(em, {
      ...cause,
      action: 'notification.tested',
      outcome: delivered ? 'done' : 'failed',
      entityType: 'notification',
      entityIds: [message.id],
      dataset: name ?? undefined,
      metadata: { channel: kind, ...(!delivered && { error: outcome.toError() }) },
    }),
  )
  return {
    ...{ channel: kind, dataset: name, to: reachedBy(channel), delivered, testedAt },
    answer: delivered ? outcome : null,
    error: delivered ? null : outcome.toError(),
  }
}

function testMessage(
  { actor }: Cause,
  dataset: string | null,
  title: string | null,
  at: Date,
  publicUrl: string | null,
): Message {
  const words = {
    title: 'Test from Holdfast',
    lines: [
      `${actor.name} wants to know whether notices${title === null ? '' : ` of ${title}`} arrive here. This one did.`,
      'There is nothing to do.',
    ],
    link: `${publicUrl ?? ''}/notifications`,
  }
  return { id: newId(), event: 'test', dataset, about: null, at, words, facts: {}, maybeRepeated: false }
}

function failureOnly(error: unknown): DeliveryFailure {
  if (error instanceof DeliveryFailure) return error
  throw error
}
