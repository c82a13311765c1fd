import type { FastifyInstance } from 'fastify'
import type { Dataset } from '../datasets/definition.ts'
import { scopeLiteral } from '../datasets/scope-condition.ts'
import type { Scope } from '../datasets/scope.ts'
import { captureFewRecords } from './capture.ts'

/**
 * One record as it is in the source now, in the form that an artifact has it in.
 * @param scope of its key alone
 * @returns null when the source has no such record
 * @throws Problem SOURCE_…
 */
export async function readRecord(
  app: FastifyInstance,
  dataset: Dataset,
  scope: Scope,
): Promise<Buffer | null> {
  return app.datasets.source(dataset).withConnection(async (client) => {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY')
    const batches = await Array.fromAsync(captureFewRecords(client, dataset, scopeLiteral(dataset, scope)))
    await client.query('COMMIT')
    return batches.flat()[0]?.json ?? null
  })
}
