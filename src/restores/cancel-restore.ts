import type { FastifyInstance } from 'fastify'
import type { Cause } from '../audit/actor.ts'
import { auditRestore, lockRestore, topicOf } from './attempts.ts'
import type { Restore } from './restore.ts'

/**
 * Gives a restore up, until the moment of its commit. What is over already stays as it is: cancelling twice, or too
 * late, is no error.
 * @throws Problem RESTORE_UNKNOWN
 */
export async function cancelRestore(app: FastifyInstance, id: string, cause: Cause): Promise<Restore> {
  return app.orm.em.fork().transactional(async (em) => {
    const restore = await lockRestore(em, id)
    if (restore.cancel(app.clock.now())) {
      await auditRestore(em, restore, 'cancelled', cause)
      await app.signals.send(em, topicOf(id))
    }
    return restore
  })
}
