import type { FastifyInstance } from 'fastify'
import { Problem } from '../platform/errors.ts'
import { findRestore, topicOf } from './attempts.ts'
import type { Restore } from './restore.ts'

/** @returns the restore when its plan is there or it has ended, or as it is when the time is over */
export async function waitUntilSettled(
  app: FastifyInstance,
  restore: Restore,
  seconds: number,
): Promise<Restore> {
  const settled = async () => {
    const latest = await findRestore(app.orm.em, restore.id)
    return latest.isUnfinished() ? null : latest
  }
  const found = await app.signals.waitFor(topicOf(restore.id), settled, seconds * 1000)
  return found ?? findRestore(app.orm.em, restore.id)
}

/**
 * Whoever waited for the end is told of a failure as such.
 * @throws Problem with the code that the restore failed with
 */
export function requireSuccess(app: FastifyInstance, { id, status, error }: Restore): void {
  const definition = status === 'failed' && error ? app.problems.get(error.code) : undefined
  if (!error || definition === undefined) return
  const extensions = { restoreId: id, ...(error.moved && { moved: error.moved }) }
  throw new Problem(error.code, definition, error.detail, { extensions })
}
