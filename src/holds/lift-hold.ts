import type { FastifyInstance } from 'fastify'
import type { Cause } from '../audit/actor.ts'
import { findHold } from './find-holds.ts'
import { auditHold } from './hold-record.ts'

/** Lifts a hold. Other holds on the same record stay. @throws Problem HOLD_NOT_FOUND */
export async function liftHold(app: FastifyInstance, id: string, cause: Cause): Promise<void> {
  await app.orm.em.fork().transactional(async (em) => {
    const hold = await findHold(em, id)
    await auditHold(em, hold, 'lifted', cause)
    em.remove(hold)
  })
}
