import { LockMode, type FilterQuery } from '@mikro-orm/core'
import type { EntityManager } from '../platform/database.ts'
import { Batch, unfinished, type BatchStatus } from './batch.ts'
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

/** What a list of batches is narrowed to. */
export interface BatchFilter {
  /** `incomplete`: all that are not over, those that wait for somebody to go on with them among them. `over`: the rest. */
  status?: BatchStatus | 'incomplete' | 'over' | undefined
  dataset?: string | undefined
  key?: string | undefined
}

/** @param before the last id of the page before @returns newest first; ids are ordered by time */
export async function findBatches(
  em: EntityManager,
  { status, dataset, key }: BatchFilter,
  limit: number,
  before?: string,
): Promise<Batch[]> {
  const where: FilterQuery<Batch> = {
    ...(status !== undefined && { status: statusesOf(status) }),
    ...(dataset !== undefined && { dataset }),
    ...(key !== undefined && { key }),
    ...(before !== undefined && { id: { $lt: before } }),
  }
  return em.fork().find(Batch, where, { orderBy: { id: 'desc' }, limit })
}

function statusesOf(status: NonNullable<BatchFilter['status']>) {
  if (status === 'incomplete') return { $in: [...unfinished] }
  return status === 'over' ? { $nin: [...unfinished] } : status
}
