import type { FastifyInstance } from 'fastify'
import type { Channel } from './channels.ts'
import { DeliveryFailure } from './delivery-failure.ts'
import { textOf, type NoticeText } from './describe-notice.ts'
import type { NoticeEvent } from './notice.ts'
import { sendEmail } from './send-email.ts'
import { sendTelegram } from './send-telegram.ts'
import { sendWebhook } from './send-webhook.ts'

/** How long one attempt may take. */
export const attemptLimitMs = 30_000

/** What is sent, on whatever channel. */
export interface Message {
  /** Stays the same when it is sent again. */
  id: string
  event: NoticeEvent | 'test'
  dataset: string | null
  about: { type: string; id: string } | null
  /** When it happened. */
  at: Date
  words: NoticeText
  facts: object
  /** It may have arrived before. */
  maybeRepeated: boolean
}

/**
 * Sends a message on a channel, once.
 * @returns what the other side said
 * @throws DeliveryFailure; what aborted `stop`
 */
export async function sendNotice(
  app: FastifyInstance,
  message: Message,
  channel: Channel,
  stop: AbortSignal,
): Promise<string> {
  const limit = AbortSignal.timeout(attemptLimitMs)
  const signal = AbortSignal.any([stop, limit])
  try {
    return await whileWanted(signal, () => dispatch(app, message, channel, signal))
  } catch (error) {
    stop.throwIfAborted()
    if (!limit.aborted) throw error
    const detail = `There was no answer within ${attemptLimitMs / 1000} s.`
    throw new DeliveryFailure('NO_ANSWER', detail, {
      ...{ temporary: true, pausesLane: true, mayHaveArrived: true },
    })
  }
}

async function dispatch(
  app: FastifyInstance,
  { maybeRepeated, words, ...message }: Message,
  channel: Channel,
  signal: AbortSignal,
): Promise<string> {
  const { id, at } = message
  const text = textOf(words, maybeRepeated)
  if (channel.kind === 'telegram') {
    const { apiUrl } = app.config.telegram
    return sendTelegram(channel, `${words.title}\n${text}`, { apiUrl, now: app.clock.now(), signal })
  }
  if (channel.kind === 'email')
    return sendEmail(app.config, { id, to: channel.to, subject: words.title, text, date: at })
  return sendWebhook(app, channel, id, { ...message, at: at.toISOString(), ...words }, signal)
}

/** A mail that is on its way can't be called back: its outcome is no longer waited for. */
async function whileWanted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  signal.throwIfAborted()
  let stop: () => void
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error)
    signal.addEventListener('abort', stop)
  })
  try {
    return await Promise.race([work(), aborted])
  } finally {
    signal.removeEventListener('abort', stop!)
  }
}
