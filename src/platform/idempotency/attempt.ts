import { setTimeout as rest } from 'node:timers/promises'
import type { FastifyRequest } from 'fastify'
import { newId } from '../entity.ts'
import type { EntityManager } from '../database.ts'
import { Problem } from '../errors.ts'
import { idempotencyProblems } from './errors.ts'
import { IdempotencyKey, keptMs, leaseMs } from './idempotency-key.ts'
import { claimKey } from './queries.ts'
import { createSeal, type Seal } from './seal.ts'

/** What is kept of an answer, so that it can be given again. */
export interface KeptAnswer {
  headers: Record<string, string>
  /** Null: none. */
  body: string | null
}

/** One try at a request with an idempotency key. */
export interface Attempt {
  id: string
  attempt: string
  seal: Seal
  /** Of a form only what changed something is kept: what it was told otherwise may be different the next time. */
  keepsChangesOnly: boolean
  /** Once it is, what it left running in the background has nothing to do with the key any more. */
  isOver: boolean
  /** Stops telling that it is alive. */
  rest: () => void
}

/**
 * Starts an attempt, or finds out that there is nothing to start.
 * @returns the attempt, or the answer that an earlier one gave
 * @throws IDEMPOTENCY_KEY_REUSED, IDEMPOTENCY_IN_PROGRESS, IDEMPOTENCY_OUTCOME_UNKNOWN
 */
export async function begin(
  request: FastifyRequest,
  key: string,
): Promise<Attempt | { status: number; kept: KeptAnswer }> {
  const { orm, clock } = request.server
  const em = orm.em.fork()
  const seal = sealOf(request, key)
  const bodyDigest = seal.digest(request.rawBody ?? Buffer.alloc(0))
  const now = clock.now()
  const attempt = newId()
  const leaseUntil = new Date(now.getTime() + leaseMs)
  const keptSince = new Date(now.getTime() - keptMs)
  if (await claimKey(em, { id: seal.id, bodyDigest, attempt, now, leaseUntil, keptSince }))
    return {
      ...{ id: seal.id, attempt, seal, isOver: false, keepsChangesOnly: request.formKey !== null },
      rest: stayAlive(request, seal.id, attempt),
    }
  return earlier(await em.findOne(IdempotencyKey, seal.id), seal, bodyDigest, now)
}

/** How long a form waits for the answer to its twin, and how often it looks. Milliseconds. */
const [patienceMs, lookMs] = [30_000, 100]

/** Like `begin`, for a browser, which doesn't come back by itself: waits until the first one is answered. */
export async function beginPatiently(request: FastifyRequest, key: string): ReturnType<typeof begin> {
  for (let waited = 0; ; waited += lookMs) {
    try {
      return await begin(request, key)
    } catch (error) {
      const isUnderWay = error instanceof Problem && error.code === 'IDEMPOTENCY_IN_PROGRESS'
      if (!isUnderWay || waited >= patienceMs || request.socket.destroyed) throw error
    }
    await rest(lookMs)
  }
}

/** Per actor, method, path and key. */
function sealOf(request: FastifyRequest, key: string): Seal {
  const { actor } = request as FastifyRequest & { actor: { type: string; id: string | null } }
  const token = request.headers.authorization?.split(/ +/)[1] ?? ''
  return createSeal([actor.type, actor.id ?? '', request.method, request.url, key], [key, token])
}

function earlier(found: IdempotencyKey | null, seal: Seal, bodyDigest: string, now: Date) {
  if (found !== null && found.bodyDigest !== bodyDigest)
    throw idempotencyProblems.IDEMPOTENCY_KEY_REUSED('The request before had another body.')
  if (found === null || found.isRunning(now))
    throw idempotencyProblems.IDEMPOTENCY_IN_PROGRESS('A request with this key has not been answered yet.', {
      retryAfter: 1,
    })
  if (!found.isAnswered())
    throw idempotencyProblems.IDEMPOTENCY_OUTCOME_UNKNOWN(
      'The service stopped between the change and its answer.',
    )
  return { status: found.status!, kept: seal.open(found.answer!) as KeptAnswer }
}

/** Renews the lease until told to rest. A renewal that fails is made up for by the next, or the lease ends. */
function stayAlive({ server, log }: FastifyRequest, id: string, attempt: string): () => void {
  const timer = setInterval(() => {
    const leaseUntil = new Date(server.clock.now().getTime() + leaseMs)
    server.orm.em
      .fork()
      .nativeUpdate(IdempotencyKey, { id, attempt }, { leaseUntil })
      .catch((error: unknown) => log.warn({ err: error }, 'a lease could not be renewed'))
  }, leaseMs / 3)
  return () => clearInterval(timer)
}

/** Keeps the answer for whoever repeats the request. */
export async function keep(
  em: EntityManager,
  { id, attempt, seal, keepsChangesOnly }: Attempt,
  status: number,
  kept: KeptAnswer,
): Promise<void> {
  const fork = em.fork()
  if (keepsChangesOnly) await fork.nativeDelete(IdempotencyKey, { id, attempt, changed: false })
  await fork.nativeUpdate(IdempotencyKey, { id, attempt }, { status, answer: seal.close(kept) })
}

/**
 * Gives the key back after a failure that says nothing about the next try. If something was changed before, the next try
 * might change it twice: then it learns that instead.
 */
export async function giveBack(em: EntityManager, { id, attempt }: Attempt, now: Date): Promise<void> {
  const fork = em.fork()
  await fork.nativeDelete(IdempotencyKey, { id, attempt, changed: false })
  await fork.nativeUpdate(IdempotencyKey, { id, attempt }, { leaseUntil: now })
}
