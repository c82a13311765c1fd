import type { FastifyInstance } from 'fastify'
import { noteInRecords } from '../datasets/note-queries.ts'
import { keysOf } from '../datasets/scope.ts'
import type { EntityManager } from '../platform/database.ts'
import { Problem } from '../platform/errors.ts'
import { findSnapshot } from './find-snapshots.ts'
import type { Snapshot } from './snapshot.ts'

/** The job that notes in the application's records when they were last snapshotted. */
export const noteJob = 'snapshots.note'

/** Has a completed snapshot noted in its records, when it is of given keys and the dataset has a column for that. */
export async function enqueueNote(
  { datasets, queue }: FastifyInstance,
  em: EntityManager,
  { id, dataset: name, scope, trigger }: Snapshot,
): Promise<void> {
  const isOurs = trigger === 'pre_restore' || trigger === 'pre_cleanup'
  const isUsable = datasets.list().some((listed) => listed.name === name && listed.problems.length === 0)
  if (isOurs || !isUsable || keysOf(scope) === null) return
  if (datasets.get(name).notes.snapshotAt !== null) await queue.enqueue(em, noteJob, { id }, id)
}

/**
 * Notes it. A source that can't be written is told to the log: the snapshot is as good without.
 * @throws Problem SOURCE_UNREACHABLE and the like, for the queue to try again
 */
export async function noteSnapshot(app: FastifyInstance, id: string): Promise<void> {
  try {
    const { dataset: name, scope, takenAt } = await findSnapshot(app.orm.em, id)
    const dataset = await app.datasets.current(name)
    const column = dataset.notes.snapshotAt
    if (column === null || takenAt === null) return
    await noteInRecords(app.datasets.source(dataset), dataset, { column, scope, at: takenAt })
  } catch (error) {
    if (!(error instanceof Problem) || error.status >= 500) throw error
    app.log.warn({ err: error, snapshot: id }, 'a snapshot could not be noted in its records')
  }
}
