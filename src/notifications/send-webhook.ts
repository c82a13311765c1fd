import type { FastifyInstance } from 'fastify'
import { Problem } from '../platform/errors.ts'
import type { Channel } from './channels.ts'
import { DeliveryFailure, neverConnected, retryAfterMs } from './delivery-failure.ts'
import { guardedFetch, type GuardedAnswer } from './guarded-fetch.ts'
import { signWebhook } from './sign-webhook.ts'

/**
 * Posts a notice as JSON, signed.
 * @param id stays the same when it is sent again: `Idempotency-Key`
 * @returns what the other side said
 * @throws DeliveryFailure; what aborted `signal`
 */
export async function sendWebhook(
  app: FastifyInstance,
  { url, secret }: Extract<Channel, { kind: 'webhook' }>,
  id: string,
  payload: Record<string, unknown> & { event: string },
  signal: AbortSignal,
): Promise<string> {
  if (secret === null) {
    const detail = 'The webhook has no secret to sign with: set `notify.webhook.secret` of the dataset.'
    throw new DeliveryFailure('WEBHOOK_SECRET_MISSING', detail, { temporary: false })
  }
  const body = JSON.stringify(payload)
  const headers = {
    'content-type': 'application/json',
    'idempotency-key': id,
    'holdfast-event': payload.event,
    'holdfast-signature': signWebhook(secret, body, app.clock.now()),
  }
  const answer = await call(app, url, { headers, body, signal })
  const said = `${new URL(url).host} answered ${answer.status}.`
  if (answer.ok) return said
  throw refusal(answer, said, app.clock.now())
}

async function call(app: FastifyInstance, ...[url, init]: [string, Parameters<typeof guardedFetch>[2]]) {
  try {
    return await guardedFetch(app, url, { ...init, maxBytes: 1000 })
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    const isDown = error.code === 'WEBHOOK_UNREACHABLE'
    throw new DeliveryFailure(error.code, error.message, {
      ...{ temporary: isDown, pausesLane: isDown },
      mayHaveArrived: isDown && !neverConnected(error),
    })
  }
}

const worthTryingAgain = new Set([408, 409, 423, 425, 429])

function refusal({ status, headers }: GuardedAnswer, said: string, now: Date): DeliveryFailure {
  const rest = retryAfterMs(headers['retry-after'], now)
  const temporary = status >= 500 || worthTryingAgain.has(status)
  const redirected = status >= 300 && status < 400 ? ' Redirects are not followed.' : ''
  return new DeliveryFailure('WEBHOOK_REFUSED', said + redirected, {
    ...{ temporary, retryAfterMs: rest },
    pausesLane: temporary && rest !== null,
    mayHaveArrived: status >= 500,
  })
}
