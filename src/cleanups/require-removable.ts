import type { FastifyInstance } from 'fastify'
import type { Dataset } from '../datasets/definition.ts'
import { tableNodes } from '../snapshots/capture.ts'
import { requireRights } from '../source/require-rights.ts'
import type { CleanupTarget } from './cleanup.ts'

/**
 * Records are locked, which takes the right to change them, and deleted.
 * @throws Problem SOURCE_PERMISSION_MISSING, SOURCE_…
 */
export async function requireRemovable(
  app: FastifyInstance,
  dataset: Dataset,
  target: CleanupTarget,
): Promise<void> {
  if (target === 'files') return
  const needed = tableNodes(dataset.root).map(({ table }) => ({
    table,
    rights: ['SELECT', 'UPDATE', 'DELETE'] as const,
  }))
  await requireRights(app.datasets.source(dataset), needed)
}
