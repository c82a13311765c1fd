import type { EntityManager } from '../database.ts'
import { IdempotencyKey, keptMs } from './idempotency-key.ts'

/** Removes the keys that have served their time. @returns how many */
export async function sweepKeys(em: EntityManager, now: Date): Promise<number> {
  return em.fork().nativeDelete(IdempotencyKey, { createdAt: { $lte: new Date(now.getTime() - keptMs) } })
}
