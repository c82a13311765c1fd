import type { FastifyInstance } from 'fastify'
import type { Actor } from '../audit/actor.ts'
import { countRecords, type RecordCount } from './count-records.ts'
import type { Dataset } from './definition.ts'
import { areGranted } from './parties.ts'
import { keysOf, type Scope } from './scope.ts'

/**
 * How many records a scope has now, before anything is done with them.
 * @returns null where it is not for the actor to know: a member counts only records that they may copy
 * @throws Problem SOURCE_…
 */
export async function previewScope(
  app: FastifyInstance,
  actor: Actor,
  dataset: Dataset,
  scope: Scope,
): Promise<RecordCount | null> {
  const [isGranted] = await areGranted(app, actor, dataset, [keysOf(scope)], 'create')
  return isGranted ? countRecords(app.datasets.source(dataset), dataset, scope) : null
}
