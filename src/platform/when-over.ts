import type { FastifyReply } from 'fastify'

/**
 * Calls once when an answer is over, sent or not. Fastify's onResponse is not called when the client goes away first.
 * From an onRequest hook.
 */
export function whenOver(reply: FastifyReply, listener: () => void): void {
  let isOver = false
  const end = () => {
    if (!isOver) listener()
    isOver = true
  }
  reply.raw.once('finish', end).once('close', end)
}
