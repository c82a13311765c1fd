import type { FastifyInstance, FastifyRequest } from 'fastify'
import { findCleanup, topicOf } from './attempts.ts'
import type { Cleanup } from './cleanup.ts'

/** The cleanup that a request is about; a refusal then says so in the audit log. @throws Problem CLEANUP_NOT_FOUND */
export async function concernedCleanup(
  app: FastifyInstance,
  request: FastifyRequest,
  id: string,
): Promise<Cleanup> {
  const cleanup = await findCleanup(app.orm.em, id)
  request.concern = { entityType: 'cleanup', entityIds: [id], dataset: cleanup.dataset }
  return cleanup
}

/** @returns the cleanup when it runs no longer, or as it is when the time is over */
export async function waitUntilOver(
  app: FastifyInstance,
  { id }: Cleanup,
  seconds: number,
): Promise<Cleanup> {
  const look = async () => {
    const latest = await findCleanup(app.orm.em, id)
    return latest.isRunning() ? null : latest
  }
  return (await app.signals.waitFor(topicOf(id), look, seconds * 1000)) ?? findCleanup(app.orm.em, id)
}
