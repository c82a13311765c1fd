import { LockMode } from '@mikro-orm/core'
import type { FastifyInstance } from 'fastify'
import type { Cause } from '../audit/actor.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { EntityManager } from '../platform/database.ts'
import { restoreProblems } from './errors.ts'
import { Restore, type RestoreProgress, type RestoreStatus } from './restore.ts'

/** One go at planning or applying a restore. */
export interface Attempt {
  restoreId: string
  number: number
  status: 'planning' | 'applying'
}

/** The restore was cancelled, or a later attempt took over. */
export class Superseded extends Error {}

/** What waits for a restore listens to. */
export function topicOf(id: string): string {
  return `restore:${id}`
}

/** @throws Problem RESTORE_UNKNOWN */
export async function findRestore(em: EntityManager, id: string): Promise<Restore> {
  const restore = await em.fork().findOne(Restore, { id })
  if (restore === null) throw restoreProblems.RESTORE_UNKNOWN(`There is no restore ${id}.`)
  return restore
}

/** Read afresh and locked until the transaction ends. @throws Problem RESTORE_UNKNOWN */
export async function lockRestore(em: EntityManager, id: string): Promise<Restore> {
  const restore = await em.findOne(Restore, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true })
  if (restore === null) throw restoreProblems.RESTORE_UNKNOWN(`There is no restore ${id}.`)
  return restore
}

/** Changes the restore of an attempt that still counts, with its audit entry and signal. @throws Superseded */
export async function changeAttempt<T>(
  app: FastifyInstance,
  attempt: Attempt,
  change: (restore: Restore, em: EntityManager) => T | Promise<T>,
): Promise<T> {
  return app.orm.em.fork().transactional(async (em) => {
    const restore = await lockRestore(em, attempt.restoreId)
    if (restore.status !== attempt.status || restore.attempts !== attempt.number)
      throw new Superseded(`attempt ${attempt.number} at restore ${attempt.restoreId} counts no longer`)
    const result = await change(restore, em)
    await app.signals.send(em, topicOf(restore.id))
    return result
  })
}

/** Begins a new attempt, whatever became of the one before; null when there is nothing left to do. */
export async function beginAttempt(
  app: FastifyInstance,
  id: string,
  status: Extract<RestoreStatus, 'planning' | 'applying'>,
): Promise<{ restore: Restore; attempt: Attempt } | null> {
  return app.orm.em.fork().transactional(async (em) => {
    const restore = await lockRestore(em, id)
    if (restore.status !== status) return null
    restore.attempts += 1
    return { restore, attempt: { restoreId: id, number: restore.attempts, status } }
  })
}

/** A signal that aborts as soon as the attempt counts no longer, and how to stop looking. */
export function watchAttempt({ orm, signals }: FastifyInstance, attempt: Attempt) {
  const gone = new AbortController()
  const look = async () => {
    const where = { id: attempt.restoreId, status: attempt.status, attempts: attempt.number }
    const counts = await orm.em.fork().count(Restore, where)
    if (counts === 0) gone.abort(new Superseded('the attempt counts no longer'))
  }
  // When the database can't answer, the work itself finds out.
  const stop = signals.subscribe(topicOf(attempt.restoreId), () => void look().catch(() => undefined))
  return { signal: gone.signal, stop }
}

const reportEveryMs = 500

/** Makes an attempt's progress known, at most twice a second and at each new phase; never fails the work. */
export function progressReporter(app: FastifyInstance, attempt: Attempt) {
  let last = { at: 0, phase: '' }
  let writing: Promise<unknown> = Promise.resolve()
  return {
    report(progress: RestoreProgress): void {
      const now = performance.now()
      if (progress.phase === last.phase && now - last.at < reportEveryMs) return
      last = { at: now, phase: progress.phase }
      writing = writing
        .then(() => changeAttempt(app, attempt, (restore) => void (restore.progress = progress)))
        .catch(() => undefined)
    },
    settled: () => writing,
  }
}

/** What became of a restore, in the audit log and in the transaction of the change. @param done such as `applied` */
export async function auditRestore(
  em: EntityManager,
  restore: Restore,
  done: string,
  { actor, requestId, address }: Cause,
  more: { metadata?: object; outcome?: 'done' | 'failed'; snapshotId?: string | null } = {},
): Promise<void> {
  const { id, dataset, snapshotId, mode, undoes } = restore
  await appendAudit(em, {
    actor,
    action: `restore.${done}`,
    entityType: 'restore',
    entityIds: [id],
    dataset,
    requestId,
    address,
    outcome: more.outcome ?? 'done',
    metadata: {
      from: snapshotId,
      mode,
      keys: restore.keys?.length ?? null,
      ...(undoes && { undoes }),
      ...more.metadata,
    },
    ...(more.snapshotId && { snapshotId: more.snapshotId }),
  })
}
