import type { FastifyInstance } from 'fastify'
import type { Cause } from '../audit/actor.ts'
import { Problem } from '../platform/errors.ts'
import { findRestore } from './attempts.ts'
import { restoreProblems } from './errors.ts'
import { planRestore } from './plan-restore.ts'
import type { Restore } from './restore.ts'

/**
 * Plans the way back: a restore of the snapshot that was taken just before, in which exactly the touched records are,
 * as they were. Undoing is a restore like any other, so it can be undone too.
 * @throws Problem RESTORE_UNKNOWN, RESTORE_NOT_UNDOABLE
 */
export async function undoRestore(app: FastifyInstance, id: string, cause: Cause): Promise<Restore> {
  const snapshotId = (await findRestore(app.orm.em, id)).requireUndoable()
  try {
    return await planRestore(app, { snapshotId, mode: 'replace', keys: null, undoes: id }, cause)
  } catch (error) {
    if (!(error instanceof Problem) || !error.code.startsWith('SNAPSHOT_')) throw error
    throw restoreProblems.RESTORE_NOT_UNDOABLE(`Its safety snapshot cannot be used: ${error.message}`, {
      cause: error,
    })
  }
}
