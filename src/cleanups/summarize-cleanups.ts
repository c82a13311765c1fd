import type { EntityManager } from '../platform/database.ts'
import { Cleanup } from './cleanup.ts'

/** Cleanups that capture or remove, oldest first. */
export async function runningCleanups(em: EntityManager): Promise<Cleanup[]> {
  return em
    .fork()
    .find(Cleanup, { status: { $in: ['capturing', 'removing'] } }, { orderBy: { id: 'asc' }, limit: 20 })
}

/** Cleanups that failed, newest first. */
export async function failedCleanups(em: EntityManager, since: Date, limit: number): Promise<Cleanup[]> {
  return em
    .fork()
    .find(Cleanup, { status: 'failed', finishedAt: { $gte: since } }, { orderBy: { id: 'desc' }, limit })
}

/** Cleanups whose deadline comes next, soonest first. Held ones wait. */
export async function dueCleanups(em: EntityManager, limit: number): Promise<Cleanup[]> {
  return em
    .fork()
    .find(Cleanup, { status: 'pending', hold: false }, { orderBy: { dueAt: 'asc', id: 'asc' }, limit })
}

/** Cleanups that wait for their deadline or for somebody, soonest first. */
export async function waitingCleanups(em: EntityManager, limit: number): Promise<Cleanup[]> {
  const where = { status: { $in: ['pending', 'awaiting_confirmation'] } } as const
  return em.fork().find(Cleanup, where, { orderBy: { dueAt: 'asc', id: 'asc' }, limit })
}
