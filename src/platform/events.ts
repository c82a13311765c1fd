import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { setTimeout as rest } from 'node:timers/promises'
import { RequestContext } from '@mikro-orm/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { createBell } from './bell.ts'

/** What a stream of events says of its subject at one moment. */
export interface Progress {
  state: object
  /** Nothing will change any more: the stream ends. */
  done: boolean
}

export interface EventSource {
  /** The signal that announces changes, such as `snapshot:<id>`. */
  topic: string
  /** The state now, read afresh; null once there is no such thing. */
  look: () => Promise<Progress | null>
  /** How often to look, and to show that the stream lives, when no signal comes. Milliseconds; 15,000 unless told. */
  heartbeatMs?: number
}

/** Looks at most ten times a second, however often the state changes. */
const restMs = 100

/**
 * Answers with Server-Sent Events: the state at once and after every change as `event: progress` with JSON, then
 * `event: done` with the last state, and the end. One look follows the other, so what is shown never goes back; a slow
 * reader misses steps in between but not the last one. An id is a digest of the state. When the service shuts down the
 * stream ends without `done`, and the reader's reconnection finds another replica.
 *
 * The route answers 404 itself when there is nothing to follow.
 */
export function streamEvents(
  request: FastifyRequest,
  reply: FastifyReply,
  source: EventSource,
): FastifyReply {
  reply
    .type('text/event-stream; charset=utf-8')
    .header('cache-control', 'no-store')
    .header('x-accel-buffering', 'no')
  return reply.send(Readable.from(events(request, reply, source), { objectMode: false }))
}

async function* events(
  request: FastifyRequest,
  reply: FastifyReply,
  source: EventSource,
): AsyncGenerator<string> {
  const { orm, signals, closing } = request.server
  const bell = createBell()
  const unsubscribe = signals.subscribe(source.topic, bell.ring)
  // Not a signal made of both by AbortSignal.any: Node would keep it for good, and the request with it, while one of
  // them lives on.
  reply.raw.once('close', bell.ring)
  closing.addEventListener('abort', bell.ring)
  try {
    let shown = ''
    while (!reply.raw.closed && !closing.aborted) {
      bell.reset()
      // A context of its own for each look: the request's would answer from what it loaded before.
      const seen = await RequestContext.create(orm.em, source.look)
      const data = JSON.stringify(seen?.state ?? null)
      yield data === shown ? ': still here\n\n' : event('progress', data)
      if (seen === null || seen.done) {
        yield event('done', data)
        return
      }
      shown = data
      await rest(restMs)
      await bell.rung(source.heartbeatMs ?? 15_000)
    }
  } finally {
    unsubscribe()
    closing.removeEventListener('abort', bell.ring)
  }
}

function event(name: string, data: string): string {
  const id = createHash('sha256').update(data).digest('base64url').slice(0, 22)
  return `event: ${name}\nid: ${id}\ndata: ${data}\n\n`
}
