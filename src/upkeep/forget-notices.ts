import type { FastifyInstance } from 'fastify'
import { Cleanup } from '../cleanups/cleanup.ts'
import { Notice } from '../notifications/notice.ts'
import type { RunOutcome } from '../schedules/schedules.ts'
import { historyDays } from '../schedules/tick.ts'

/**
 * Removes the notices that nobody looks at any more, once they have come to an end. Those about a cleanup that still waits
 * stay: without them nobody could tell that it was announced, and it would never run.
 */
export async function forgetNotices({ orm, clock }: FastifyInstance): Promise<RunOutcome> {
  const em = orm.em.fork()
  const before = new Date(clock.now().getTime() - historyDays * 86_400_000)
  const waiting = { status: { $in: ['pending', 'awaiting_confirmation'] } } as const
  const needed = await em.find(Cleanup, waiting, { fields: ['id'] })
  const where = {
    status: { $in: ['delivered', 'failed'] },
    createdAt: { $lt: before },
    aboutId: { $nin: needed.map(({ id }) => id) },
  } as const
  return { counts: { notices: await em.nativeDelete(Notice, where) } }
}
