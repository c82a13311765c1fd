import { AsyncLocalStorage } from 'node:async_hooks'
import { createHash } from 'node:crypto'
import type { EventSubscriber, TransactionEventArgs } from '@mikro-orm/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import plugin from 'fastify-plugin'
import { isForApi } from '../addresses.ts'
import type { EntityManager } from '../database.ts'
import { begin, beginPatiently, giveBack, keep, type Attempt, type KeptAnswer } from './attempt.ts'
import { idempotencyProblems } from './errors.ts'
import { markChanged } from './queries.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set while a request with an idempotency key is worked on. */
    attempt: Attempt | null
  }
}

/**
 * `Idempotency-Key` on every POST of the API by somebody signed in: the same key and body get the same answer for 24 h.
 *
 * - The key is claimed, with a lease, before the route's handler runs; so of two at once one is told to wait.
 * - Every transaction that the handler commits marks the key as having changed something, within that transaction, and
 *   only if the lease is still its own: an attempt that was taken for dead commits nothing any more.
 * - After a crash the lease ends. If nothing was marked, the next try starts afresh; if something was, it is told so.
 * - Answers are kept, except 429 and 5xx, which say nothing about the next try.
 *
 * A page's form carries such a key too (form-keys.ts): sent twice, by a double click or by Back, it is done once and both
 * lead to the same place. With other fields it is another request. Only what changed something is kept.
 *
 * Validation, permissions and limits come first, so that what they refuse does not use the key up. Sign-in and whatever
 * else is public ignores the key: there is nobody to hold it against.
 */
export default plugin(
  async (app: FastifyInstance) => {
    const attempts = new AsyncLocalStorage<Attempt>()
    app.addProblems(idempotencyProblems)
    app.decorateRequest('attempt', null)
    app.orm.em.getEventManager().registerSubscriber(marking(attempts))
    app.addHook('preHandler', (request, reply, done) => {
      const key = keyOf(request)
      if (key === null) done()
      else void start(key, request, reply, (begun) => attempts.run(begun, done), done)
    })
    // What is recorded about a failure afterwards, such as an audit entry, is no change that the caller asked for.
    app.addHook('onError', async (request) => {
      if (request.attempt !== null) request.attempt.isOver = true
    })
    app.addHook('onSend', async (request, reply, payload) => {
      if (request.attempt !== null) await settle(request, reply, payload)
    })
  },
  { name: 'idempotency', dependencies: ['prefer', 'bodies'] },
)

/** Marks the key in every transaction of the handler that wrote something; refuses the commit when the lease is lost. */
function marking(attempts: AsyncLocalStorage<Attempt>): EventSubscriber {
  return {
    async beforeTransactionCommit({ em, transaction }: TransactionEventArgs) {
      const attempt = attempts.getStore()
      if (attempt === undefined || attempt.isOver || transaction === undefined) return
      if ('savepointName' in transaction || (await markChanged(em as EntityManager, transaction, attempt)))
        return
      const detail = 'Another attempt took over; this one changed nothing.'
      throw idempotencyProblems.IDEMPOTENCY_IN_PROGRESS(detail, { retryAfter: 1 })
    },
  }
}

/** @returns null when there is none, or it has no meaning here */
function keyOf(request: FastifyRequest): string | null {
  const key = request.headers['idempotency-key']
  const isPublic = request.routeOptions.config.permission === 'public'
  if (request.method !== 'POST' || isPublic) return null
  if (!isForApi(request)) return request.formKey === null ? null : formKeyOf(request, request.formKey)
  if (key === undefined) return null
  if (typeof key === 'string' && /^[\x20-\x7e]{1,255}$/.test(key)) return key
  throw idempotencyProblems.IDEMPOTENCY_KEY_INVALID('The key has 1 to 255 printable ASCII characters.')
}

/** Of one form filled in in one way. */
function formKeyOf({ body }: FastifyRequest, formKey: string): string {
  return `form ${formKey} ${createHash('sha256').update(JSON.stringify(body)).digest('hex')}`
}

/** Goes on to the handler, or answers with what was answered before, or with why neither is possible. */
async function start(
  key: string,
  request: FastifyRequest,
  reply: FastifyReply,
  goOn: (attempt: Attempt) => void,
  fail: (error: Error) => void,
): Promise<void> {
  try {
    const begun = await (request.formKey === null ? begin : beginPatiently)(request, key)
    if ('kept' in begun) return repeat(reply, begun.status, begun.kept)
    request.attempt = begun
  } catch (error) {
    return fail(error as Error)
  }
  goOn(request.attempt)
}

function repeat(reply: FastifyReply, status: number, { headers, body }: KeptAnswer): void {
  reply.code(status).headers(headers).header('idempotency-replayed', 'true')
  if (reply.request.formKey !== null && headers['location'] !== undefined)
    return void reply.leadTo(
      headers['location'],
      'The form was sent twice. It was done once, and this is what came of it.',
    )
  reply.serializer((text: unknown) => text as string).send(body ?? undefined)
}

async function settle(request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<void> {
  const attempt = request.attempt!
  const { orm, clock } = request.server
  attempt.isOver = true
  attempt.rest()
  request.attempt = null
  const { statusCode } = reply
  const isFinal = statusCode < 500 && statusCode !== 429
  try {
    if (isFinal && (typeof payload === 'string' || payload === undefined || payload === null))
      await keep(orm.em, attempt, statusCode, { headers: headersOf(reply), body: payload ?? null })
    else await giveBack(orm.em, attempt, clock.now())
  } catch (error) {
    request.log.error({ err: error }, 'an answer could not be kept for its idempotency key')
  }
}

/** What belongs to the answer itself. Cookies don't: a session is not given twice. */
function headersOf(reply: FastifyReply): Record<string, string> {
  const names = ['content-type', 'location', 'preference-applied', 'cache-control']
  return Object.fromEntries(
    names.filter((name) => reply.hasHeader(name)).map((name) => [name, String(reply.getHeader(name))]),
  )
}
