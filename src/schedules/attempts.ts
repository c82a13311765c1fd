import { LockMode } from '@mikro-orm/core'
import type { FastifyInstance } from 'fastify'
import type { Cause } from '../audit/actor.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { EntityManager } from '../platform/database.ts'
import { ScheduleRun } from './schedule-run.ts'

/** One go at a run. */
export interface Attempt {
  runId: string
  /** From 1. */
  number: number
}

/** A later attempt took over: whatever this one does is for nothing. */
export class Superseded extends Error {}

/** What waits for a run listens to. */
export function topicOf(id: string): string {
  return `schedule-run:${id}`
}

/** A run, read afresh and locked until the transaction ends; null when there is none. */
export async function lockRun(em: EntityManager, id: string): Promise<ScheduleRun | null> {
  return em.findOne(ScheduleRun, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true })
}

/** Changes the run of an attempt that still counts, with its signal. @throws Superseded */
export async function changeAttempt(
  app: FastifyInstance,
  { runId, number }: Attempt,
  change: (run: ScheduleRun, em: EntityManager) => Promise<void>,
): Promise<void> {
  await app.orm.em.fork().transactional(async (em) => {
    const run = await lockRun(em, runId)
    if (run?.status !== 'running' || run.attempts !== number)
      throw new Superseded(`attempt ${number} at run ${runId} counts no longer`)
    await change(run, em)
    await app.signals.send(em, topicOf(runId))
  })
}

/** Runs `work` with a signal that aborts as soon as the attempt counts no longer. */
export async function whileItCounts<T>(
  { orm, signals }: FastifyInstance,
  { runId, number }: Attempt,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const gone = new AbortController()
  const look = async () => {
    const counts = await orm.em.fork().count(ScheduleRun, { id: runId, status: 'running', attempts: number })
    if (counts === 0) gone.abort(new Superseded('the attempt counts no longer'))
  }
  // When the database can't answer, the work itself finds out.
  const unsubscribe = signals.subscribe(topicOf(runId), () => void look().catch(() => undefined))
  try {
    return await work(gone.signal)
  } finally {
    unsubscribe()
  }
}

/** What became of a run, in the audit log and in the transaction of the change. @param done such as `completed` */
export async function auditRun(
  em: EntityManager,
  run: ScheduleRun,
  dataset: string | null,
  done: string,
  { actor, requestId, address }: Cause,
  more: { metadata?: object; outcome?: 'done' | 'failed' } = {},
): Promise<void> {
  const { id, schedule, trigger, dueAt } = run
  await appendAudit(em, {
    actor,
    action: `schedule_run.${done}`,
    entityType: 'schedule_run',
    entityIds: [id, schedule],
    ...(dataset !== null && { dataset }),
    requestId,
    address,
    outcome: more.outcome ?? 'done',
    metadata: { schedule, trigger, dueAt, ...more.metadata },
  })
}
