import type { FastifyInstance, FastifyRequest } from 'fastify'
import { findRestore } from './attempts.ts'
import type { Restore } from './restore.ts'

/** The restore that a request is about; a refusal then says so in the audit log. @throws Problem RESTORE_UNKNOWN */
export async function concernedRestore(
  app: FastifyInstance,
  request: FastifyRequest,
  id: string,
): Promise<Restore> {
  const restore = await findRestore(app.orm.em, id)
  request.concern = { entityType: 'restore', entityIds: [id], dataset: restore.dataset }
  return restore
}
