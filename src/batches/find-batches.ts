import { LockMode } from '@mikro-orm/core'
import type { EntityManager } from '../platform/database.ts'
import { Batch } from './batch.ts'
import { batchProblems } from './errors.ts'

/** What waits for a batch listens to. */
export function topicOf(id: string): string {
  return `batch:${id}`
}

/** @throws Problem BATCH_UNKNOWN */
export async function findBatch(em: EntityManager, id: string): Promise<Batch> {
  const batch = await em.fork().findOne(Batch, { id })
  if (batch === null) throw batchProblems.BATCH_UNKNOWN(`There is no batch ${id}.`)
  return batch
}

/** Read afresh and locked until the transaction ends. @throws Problem BATCH_UNKNOWN */
export async function lockBatch(em: EntityManager, id: string): Promise<Batch> {
  const batch = await em.findOne(Batch, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true })
  if (batch === null) throw batchProblems.BATCH_UNKNOWN(`There is no batch ${id}.`)
  return batch
}
