import type { FastifyInstance } from 'fastify'
import { tableNodes } from '../snapshots/capture.ts'
import { requireRights, type Right } from '../source/require-rights.ts'
import type { Operations } from './plan.ts'
import type { Restore } from './restore.ts'

/**
 * Asks for no more than the plan is about to do.
 * @throws Problem SOURCE_PERMISSION_MISSING, DATASET_…, SOURCE_…
 */
export async function requireWritable(app: FastifyInstance, { dataset: name, plan }: Restore): Promise<void> {
  const dataset = app.datasets.get(name)
  const needed = tableNodes(dataset.root).flatMap(({ name: table, table: { oid } }) => {
    const operations = plan?.tables[table]
    return operations === undefined ? [] : [{ table: { oid }, rights: rightsFor(operations) }]
  })
  await requireRights(app.datasets.source(dataset), needed)
}

/** What is changed or deleted is locked first, which takes the right to change it. */
function rightsFor(operations: Operations): Right[] {
  const rights: Right[] = []
  if (operations.create > 0) rights.push('INSERT')
  if (operations.update > 0 || operations.delete > 0) rights.push('UPDATE')
  if (operations.delete > 0) rights.push('DELETE')
  return rights
}
