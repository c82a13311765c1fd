import type { FastifyInstance } from 'fastify'
import type { Cause } from '../audit/actor.ts'
import { appendAudit } from '../audit/append-audit.ts'
import { lockNotice } from './deliver-lane.ts'
import { findNotice, notFound } from './find-notices.ts'
import { deliverJob, topicOf, type Notice } from './notice.ts'

/**
 * Has a notice tried once more, now, with all its time before it.
 * @returns the notice, waiting
 * @throws Problem NOTICE_NOT_FOUND, NOTICE_DELIVERED
 */
export async function retryNotice(app: FastifyInstance, id: string, cause: Cause): Promise<Notice> {
  return app.orm.em.fork().transactional(async (em) => {
    const notice = (await lockNotice(em, id)) ?? notFound(id)
    notice.retry(app.clock.now())
    const { event, channel, dataset, lane } = notice
    await appendAudit(em, {
      ...cause,
      action: 'notification.retried',
      entityType: 'notification',
      entityIds: [id],
      dataset: dataset ?? undefined,
      metadata: { event, channel },
    })
    await app.queue.enqueue(em, deliverJob, { lane }, lane)
    return notice
  })
}

/** @returns the notice when an attempt has ended since `since`, or as it is when the time is over */
export async function waitUntilTried(
  { orm, signals }: FastifyInstance,
  since: Notice,
  seconds: number,
): Promise<Notice> {
  if (seconds === 0) return since
  const look = async () => {
    const latest = await findNotice(orm.em, since.id)
    return latest.attempts > since.attempts && latest.sendingSince === null ? latest : null
  }
  return (
    (await signals.waitFor(topicOf(since.id), look, seconds * 1000)) ?? (await findNotice(orm.em, since.id))
  )
}
