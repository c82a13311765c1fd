import { LockMode } from '@mikro-orm/core'
import type { FastifyInstance } from 'fastify'
import type { EntityManager } from '../platform/database.ts'
import { snapshotProblems } from './errors.ts'
import { Snapshot } from './snapshot.ts'

/** One go at taking a snapshot. */
export interface Attempt {
  snapshotId: string
  /** From 1. */
  number: number
  /** Where this go's artifact is stored. */
  key: string
}

/** The snapshot was cancelled, or a later attempt took over: whatever this one does is for nothing. */
export class Superseded extends Error {}

/** What waits for a snapshot listens to. */
export function topicOf(id: string): string {
  return `snapshot:${id}`
}

/** A snapshot that isn't deleted, read afresh and locked until the transaction ends; null when there is none. */
export async function lockSnapshot(em: EntityManager, id: string): Promise<Snapshot | null> {
  const lock = { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true } as const
  return em.findOne(Snapshot, { id, deletedAt: null }, lock)
}

/** Like `lockSnapshot`. @throws Problem SNAPSHOT_NOT_FOUND */
export async function requireSnapshot(em: EntityManager, id: string): Promise<Snapshot> {
  const snapshot = await lockSnapshot(em, id)
  if (snapshot === null) throw snapshotProblems.SNAPSHOT_NOT_FOUND(`There is no snapshot ${id}.`)
  return snapshot
}

/** Locks the snapshot of an attempt that still counts. @throws Superseded */
export async function lockAttempt(em: EntityManager, attempt: Attempt): Promise<Snapshot> {
  const snapshot = await lockSnapshot(em, attempt.snapshotId)
  if (snapshot?.status === 'generating' && snapshot.attempts === attempt.number) return snapshot
  throw new Superseded(`attempt ${attempt.number} at snapshot ${attempt.snapshotId} counts no longer`)
}

/**
 * Runs `work` with a signal that aborts as soon as the attempt counts no longer, for instance because somebody
 * cancelled the snapshot through another replica.
 */
export async function whileItCounts<T>(
  { orm, signals }: FastifyInstance,
  attempt: Attempt,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const gone = new AbortController()
  const look = async () => {
    const where = { id: attempt.snapshotId, status: 'generating', attempts: attempt.number } as const
    const counts = await orm.em.fork().count(Snapshot, where)
    if (counts === 0) gone.abort(new Superseded('the attempt counts no longer'))
  }
  // When the database can't answer, the work itself finds out.
  const unsubscribe = signals.subscribe(topicOf(attempt.snapshotId), () => void look().catch(() => undefined))
  try {
    return await work(gone.signal)
  } finally {
    unsubscribe()
  }
}
