import type { FastifyInstance } from 'fastify'
import type { Cause } from '../audit/actor.ts'
import { appendAudit } from '../audit/append-audit.ts'
import { lockSchedule } from './tick.ts'

/**
 * Pauses a schedule or lets it go on. While it is paused nothing is due, and nothing is made up for afterwards. Again is
 * fine.
 * @throws Problem SCHEDULE_NOT_FOUND
 */
export async function pauseSchedule(
  app: FastifyInstance,
  name: string,
  { paused, reason = null }: { paused: boolean; reason?: string | null },
  { actor, requestId, address }: Cause,
): Promise<void> {
  const definition = app.schedules.get(name)
  const now = app.clock.now()
  await app.orm.em.fork().transactional(async (em) => {
    const schedule = await lockSchedule(em, definition, now)
    const changed = paused ? schedule.pause(reason) : schedule.resume(now)
    if (!changed) return
    await appendAudit(em, {
      ...{ actor, requestId, address },
      action: paused ? 'schedule.paused' : 'schedule.resumed',
      entityType: 'schedule',
      entityIds: [name],
      ...(definition.dataset !== null && { dataset: definition.dataset }),
      ...(paused && reason !== null && { metadata: { reason } }),
    })
  })
}
