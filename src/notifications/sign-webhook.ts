import { createHmac } from 'node:crypto'

/**
 * Signs a webhook's body, for its header `Holdfast-Signature`: `t=<seconds since 1970>,v1=<HMAC-SHA256 in hex>` over the
 * time, a dot and the body's bytes. The time is signed along, so that an old request can't be played again unnoticed.
 */
export function signWebhook(secret: string, body: string, now: Date): string {
  const time = Math.floor(now.getTime() / 1000)
  return `t=${time},v1=${createHmac('sha256', secret).update(`${time}.${body}`).digest('hex')}`
}
