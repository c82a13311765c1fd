import type { FastifyInstance } from 'fastify'
import { listErrors, listItems } from './item-queries.ts'
import { presentRow } from './present-item.ts'

/** What failed items of a batch failed with, the most frequent first, and the first of them. */
export async function failuresOf({ orm }: FastifyInstance, batchId: string, limit: number) {
  const em = orm.em.fork()
  const failed = await listItems(em, batchId, { status: 'failed' }, { after: null, limit })
  return { errors: await listErrors(em, batchId), failed: failed.map(presentRow) }
}
