import { LockMode } from '@mikro-orm/core'
import type { FastifyInstance } from 'fastify'
import type { Dataset } from '../datasets/definition.ts'
import type { EntityManager } from '../platform/database.ts'
import type { JobRun } from '../platform/queue.ts'
import { datasetOf, findChannel } from './channels.ts'
import { DeliveryFailure } from './delivery-failure.ts'
import { Notice, topicOf } from './notice.ts'
import { giveUpLane } from './queries.ts'
import { wordsOf } from './present-notice.ts'
import { attemptLimitMs, sendNotice, type Message } from './send-notice.ts'

/** How long a lane is worked at before others get their turn. */
const turnMs = 1000

/** After so many failures in one turn the lane is left alone until the next. */
const failuresInTurn = 3

/**
 * Sends what is due in a lane, the longest due first, one after the other. An attempt is recorded before it is made: one
 * that dies is made again, and says that the notice may have arrived before. What fails is put off, so that no notice
 * stands in the way of the others.
 * @returns false when the lane had better be left alone for a while
 */
export async function deliverLane(app: FastifyInstance, lane: string, run: JobRun): Promise<boolean> {
  const end = performance.now() + turnMs
  let failures = 0
  while (performance.now() < end && failures < failuresInTurn && !run.signal.aborted) {
    const notice = await beginAttempt(app, lane)
    if (notice === null) return true
    const outcome = await attempt(app, notice, run.signal)
    await recordAttempt(app, notice, outcome)
    if (outcome instanceof DeliveryFailure) failures += 1
  }
  return failures < failuresInTurn
}

/** The notice that is longest due, unless the lane has to rest. One whose attempt died is due after the attempt's limit. */
async function beginAttempt({ orm, clock }: FastifyInstance, lane: string): Promise<Notice | null> {
  return orm.em.fork().transactional(async (em) => {
    const now = clock.now()
    if ((await em.count(Notice, { lane, lanePausedUntil: { $gt: now } })) > 0) return null
    const died = new Date(now.getTime() - 2 * attemptLimitMs)
    const notice = await em.findOne(
      Notice,
      {
        lane,
        status: 'pending',
        nextAttemptAt: { $lte: now },
        $or: [{ sendingSince: null }, { sendingSince: { $lt: died } }],
      },
      { orderBy: { nextAttemptAt: 'asc', id: 'asc' }, lockMode: LockMode.PESSIMISTIC_PARTIAL_WRITE },
    )
    notice?.begin(now)
    return notice
  })
}

/** @returns what the other side said, or why it came to nothing */
async function attempt(app: FastifyInstance, notice: Notice, signal: AbortSignal) {
  const dataset = datasetOf(app, notice.dataset)
  const channel = findChannel(app.config, dataset, notice.channel)
  if (channel === null) {
    const unusable = notice.dataset !== null && dataset === null
    const why = unusable
      ? `dataset ${notice.dataset} can't be used as it is`
      : 'it is not configured any more'
    return new DeliveryFailure('CHANNEL_MISSING', `There is no ${notice.channel}: ${why}.`, {
      temporary: unusable,
    })
  }
  try {
    return await sendNotice(app, messageOf(app, notice, dataset), channel, signal)
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof DeliveryFailure) return error
    app.log.error({ err: error, notice: notice.id }, 'a notice could not be sent')
    return new DeliveryFailure('INTERNAL_ERROR', 'It failed unexpectedly; the log says more.', {
      temporary: true,
    })
  }
}

function messageOf(app: FastifyInstance, notice: Notice, dataset: Dataset | null): Message {
  const { id, event, aboutType, aboutId, facts, createdAt, maybeRepeated } = notice
  const about = { type: aboutType, id: aboutId }
  const words = wordsOf(app, notice, dataset)
  return { id, event, dataset: notice.dataset, about, at: createdAt, words, facts, maybeRepeated }
}

/** Only the latest attempt counts: where another has begun meanwhile, it says what became of the notice. */
async function recordAttempt(
  { orm, clock, signals }: FastifyInstance,
  { id, attempts, lane }: Notice,
  outcome: string | DeliveryFailure,
): Promise<void> {
  await orm.em.fork().transactional(async (em) => {
    const notice = await lockNotice(em, id)
    if (notice?.status !== 'pending' || notice.attempts !== attempts) return
    const now = clock.now()
    if (typeof outcome === 'string') notice.deliver(outcome, now)
    else notice.fail(outcome.toError(), outcome.kind, now)
    if (typeof outcome !== 'string' && outcome.kind.pausesLane)
      await giveUpLane(em, lane, outcome.toError(), now)
    await signals.send(em, topicOf(id))
  })
}

/** A notice as it is now, locked until the transaction ends; null when there is none. */
export async function lockNotice(em: EntityManager, id: string): Promise<Notice | null> {
  return em.findOne(Notice, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true })
}
