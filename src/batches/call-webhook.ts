import { createHash } from 'node:crypto'
import { setTimeout as rest } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { retryAfterMs } from '../notifications/delivery-failure.ts'
import { guardedFetch, type GuardedAnswer } from '../notifications/guarded-fetch.ts'
import { signWebhook } from '../notifications/sign-webhook.ts'
import { Problem } from '../platform/errors.ts'
import { BatchPaused } from './batch-paused.ts'
import type { Batch } from './batch.ts'
import type { Report } from './group-commit.ts'
import type { ClaimedItem } from './lease-queries.ts'
import { failuresOf, outcomesOf } from './read-webhook-answer.ts'
import type { Webhook } from './webhook.ts'
import type { Work } from './work.ts'

/** So many calls in a row that nobody answered: then whoever should answer is gone, and no item is at fault. */
const mostUnanswered = 10

/** What is kept of an answer, in bytes. */
const longestAnswer = 1_048_576

/** Has the batch's webhook do the items: one by one, or several in a call. */
export function webhookWork(app: FastifyInstance, batch: Batch, webhook: Webhook): Work {
  const pace = createCallPace(webhook.ratePerSecond)
  let unanswered = 0
  return {
    concurrency: webhook.concurrency,
    perCall: webhook.perCall,
    async do(items, signal) {
      await pace.turn(signal)
      try {
        const answer = await call(app, batch, webhook, items, signal)
        unanswered = 0
        const now = app.clock.now()
        const restMs = retryAfterMs(answer.headers['retry-after'], now)
        if (restMs !== null && !answer.ok) pace.rest(restMs)
        return outcomesOf(items, answer, webhook.perCall > 1, now)
      } catch (error) {
        signal.throwIfAborted()
        unanswered += 1
        return unansweredItems(app, items, error, unanswered)
      }
    },
  }
}

function unansweredItems(
  app: FastifyInstance,
  items: ClaimedItem[],
  error: unknown,
  inARow: number,
): Report[] {
  if (!(error instanceof Problem)) throw error
  if (error.code === 'WEBHOOK_NOT_ALLOWED' || inARow >= mostUnanswered) throw new BatchPaused(error.message)
  return failuresOf(items, { code: error.code, detail: error.message }, app.clock.now())
}

async function call(
  app: FastifyInstance,
  batch: Batch,
  { url, perCall, timeoutSeconds }: Webhook,
  items: ClaimedItem[],
  signal: AbortSignal,
): Promise<GuardedAnswer> {
  const { id, key, title, dataset } = batch
  const about = { id, key, title, dataset }
  const keyed = items.map((item) => ({ ...item, idempotencyKey: keyOf(batch, item) }))
  const body = JSON.stringify(perCall > 1 ? { batch: about, items: keyed } : { batch: about, item: keyed[0] })
  const secret = app.config.webhookSecret
  return guardedFetch(app, url, {
    headers: {
      'content-type': 'application/json',
      'idempotency-key': perCall > 1 ? keyOfAll(keyed) : keyed[0]!.idempotencyKey,
      ...(secret !== null && { 'holdfast-signature': signWebhook(secret, body, app.clock.now()) }),
    },
    ...{ body, signal, timeoutMs: timeoutSeconds * 1000, maxBytes: longestAnswer },
  })
}

/** The same however often the item is sent: the batch's id and the item's, percent-encoded. */
function keyOf(batch: Batch, item: ClaimedItem): string {
  return `${batch.id}/${encodeURIComponent(item.id)}`
}

function keyOfAll(items: { idempotencyKey: string }[]): string {
  return createHash('sha256')
    .update(items.map(({ idempotencyKey }) => idempotencyKey).join())
    .digest('hex')
}

/** Keeps calls apart as far as the rate says, and lets all of them rest when the other side asks for it. */
function createCallPace(ratePerSecond: number | null) {
  const apartMs = ratePerSecond === null ? 0 : 1000 / ratePerSecond
  let next = 0
  return {
    async turn(signal: AbortSignal): Promise<void> {
      for (let wait = next - performance.now(); wait > 0; wait = next - performance.now())
        await rest(wait, undefined, { signal })
      next = Math.max(next, performance.now()) + apartMs
    },
    rest(ms: number): void {
      next = Math.max(next, performance.now() + ms)
    },
  }
}
