import { LockMode } from '@mikro-orm/core'
import type { FastifyInstance } from 'fastify'
import type { Cause } from '../audit/actor.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { EntityManager } from '../platform/database.ts'
import { Cleanup } from './cleanup.ts'
import { cleanupProblems } from './errors.ts'

/** One go at capturing what a cleanup removes. */
export interface Attempt {
  cleanupId: string
  number: number
}

/** The cleanup was cancelled, or a later attempt took over. */
export class Superseded extends Error {}

/** What waits for a cleanup listens to. */
export function topicOf(id: string): string {
  return `cleanup:${id}`
}

/** @throws Problem CLEANUP_NOT_FOUND */
export async function findCleanup(em: EntityManager, id: string): Promise<Cleanup> {
  const cleanup = await em.fork().findOne(Cleanup, { id })
  if (cleanup === null) throw cleanupProblems.CLEANUP_NOT_FOUND(`There is no cleanup ${id}.`)
  return cleanup
}

/** Read afresh and locked until the transaction ends. @throws Problem CLEANUP_NOT_FOUND */
export async function lockCleanup(em: EntityManager, id: string): Promise<Cleanup> {
  const cleanup = await em.findOne(Cleanup, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true })
  if (cleanup === null) throw cleanupProblems.CLEANUP_NOT_FOUND(`There is no cleanup ${id}.`)
  return cleanup
}

/** Begins a new attempt, whatever became of the one before; null when there is nothing left to capture. */
export async function beginAttempt(
  app: FastifyInstance,
  id: string,
): Promise<{ cleanup: Cleanup; attempt: Attempt } | null> {
  return app.orm.em.fork().transactional(async (em) => {
    const cleanup = await lockCleanup(em, id)
    if (cleanup.status !== 'capturing') return null
    cleanup.attempts += 1
    return { cleanup, attempt: { cleanupId: id, number: cleanup.attempts } }
  })
}

/** Changes the cleanup of an attempt that still counts, with its signal. @throws Superseded */
export async function changeAttempt<T>(
  app: FastifyInstance,
  attempt: Attempt,
  change: (cleanup: Cleanup, em: EntityManager) => Promise<T>,
): Promise<T> {
  return app.orm.em.fork().transactional(async (em) => {
    const cleanup = await lockCleanup(em, attempt.cleanupId)
    if (cleanup.status !== 'capturing' || cleanup.attempts !== attempt.number)
      throw new Superseded(`attempt ${attempt.number} at cleanup ${attempt.cleanupId} counts no longer`)
    const result = await change(cleanup, em)
    await app.signals.send(em, topicOf(cleanup.id))
    return result
  })
}

/** A signal that aborts as soon as the attempt counts no longer, and how to stop looking. */
export function watchAttempt({ orm, signals }: FastifyInstance, { cleanupId, number }: Attempt) {
  const gone = new AbortController()
  const look = async () => {
    const where = { id: cleanupId, status: 'capturing', attempts: number } as const
    const counts = await orm.em.fork().count(Cleanup, where)
    if (counts === 0) gone.abort(new Superseded('the attempt counts no longer'))
  }
  // When the database can't answer, the work itself finds out.
  const stop = signals.subscribe(topicOf(cleanupId), () => void look().catch(() => undefined))
  return { signal: gone.signal, stop }
}

/** What became of a cleanup, in the audit log and in the transaction of the change. @param done such as `planned` */
export async function auditCleanup(
  em: EntityManager,
  cleanup: Cleanup,
  done: string,
  { actor, requestId, address }: Cause,
  more: { metadata?: object; outcome?: 'done' | 'failed' } = {},
): Promise<void> {
  const { id, dataset, scope, target, snapshotId } = cleanup
  await appendAudit(em, {
    ...{ actor, requestId, address, dataset },
    action: `cleanup.${done}`,
    entityType: 'cleanup',
    entityIds: [id],
    outcome: more.outcome ?? 'done',
    metadata: { scope: shortened(scope), target, ...more.metadata },
    ...(snapshotId && { snapshotId }),
  })
}

/** A scope for the audit log, where thousands of keys are of no use. */
export function shortened(scope: Cleanup['scope']): object {
  if (!('keys' in scope) || scope.keys.length <= 100) return scope
  return { keys: scope.keys.slice(0, 100), more: scope.keys.length - 100 }
}
