import { LockMode } from '@mikro-orm/core'
import type { FastifyInstance } from 'fastify'
import type { EntityManager } from '../platform/database.ts'
import { exportProblems } from './errors.ts'
import { Export } from './export.ts'

/** One go at making an export. */
export interface Attempt {
  exportId: string
  /** From 1. */
  number: number
  /** Where this go's artifact is stored. */
  key: string
}

/** The export was cancelled, or a later attempt took over: whatever this one does is for nothing. */
export class Superseded extends Error {}

/** What waits for an export listens to. */
export function topicOf(id: string): string {
  return `export:${id}`
}

/** An export that isn't deleted, read afresh and locked until the transaction ends; null when there is none. */
export async function lockExport(em: EntityManager, id: string): Promise<Export | null> {
  const lock = { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true } as const
  return em.findOne(Export, { id, deletedAt: null }, lock)
}

/** Like `lockExport`. @throws Problem EXPORT_NOT_FOUND */
export async function requireExport(em: EntityManager, id: string): Promise<Export> {
  const exported = await lockExport(em, id)
  if (exported === null) throw exportProblems.EXPORT_NOT_FOUND(`There is no export ${id}.`)
  return exported
}

/** Locks the export of an attempt that still counts. @throws Superseded */
export async function lockAttempt(em: EntityManager, attempt: Attempt): Promise<Export> {
  const exported = await lockExport(em, attempt.exportId)
  if (exported?.status === 'generating' && exported.attempts === attempt.number) return exported
  throw new Superseded(`attempt ${attempt.number} at export ${attempt.exportId} counts no longer`)
}

/**
 * Runs `work` with a signal that aborts as soon as the attempt counts no longer, for instance because somebody
 * cancelled the export through another replica.
 */
export async function whileItCounts<T>(
  { orm, signals }: FastifyInstance,
  attempt: Attempt,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const gone = new AbortController()
  const look = async () => {
    const where = { id: attempt.exportId, status: 'generating', attempts: attempt.number } as const
    const counts = await orm.em.fork().count(Export, where)
    if (counts === 0) gone.abort(new Superseded('the attempt counts no longer'))
  }
  // When the database can't answer, the work itself finds out.
  const unsubscribe = signals.subscribe(topicOf(attempt.exportId), () => void look().catch(() => undefined))
  try {
    return await work(gone.signal)
  } finally {
    unsubscribe()
  }
}
