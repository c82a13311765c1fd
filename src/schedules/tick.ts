import { LockMode } from '@mikro-orm/core'
import type { FastifyInstance } from 'fastify'
import { systemActor } from '../audit/actor.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { EntityManager } from '../platform/database.ts'
import { newId } from '../platform/entity.ts'
import { failpoint } from '../platform/failpoints.ts'
import { auditRun, topicOf } from './attempts.ts'
import { runJob } from './carry-out-run.ts'
import { occurrencesBetween } from './occurrences.ts'
import { insertUnrun } from './queries.ts'
import { Schedule } from './schedule.ts'
import { ScheduleRun, unbegun } from './schedule-run.ts'
import type { ScheduleDefinition } from './schedules.ts'

const hourMs = 3_600_000

/** How long the history goes back, in days: the same month of last year is still to be seen. */
export const historyDays = 400

/** Missed occurrences of a schedule that are recorded after one downtime at most, the latest of them. */
const recordedMissed = 1000

const system = { actor: systemActor }

/**
 * Records every occurrence that came due since the last tick, and has the latest one run. Any number of replicas may tick at
 * any time: an occurrence belongs to the one that writes its row. One schedule's trouble keeps no other from running.
 */
export async function tick(app: FastifyInstance): Promise<void> {
  const now = app.clock.now()
  const definitions = app.schedules.list()
  const known = await app.orm.em.fork().find(Schedule, {})
  const schedules = new Map(known.map((schedule) => [schedule.name, schedule]))
  for (const definition of definitions) {
    try {
      if (!hasNews(definition, schedules.get(definition.name), now)) continue
      await app.orm.em.fork().transactional((em) => record(app, em, definition, now))
      await failpoint('schedule.recorded')
    } catch (error) {
      app.log.error({ err: error, schedule: definition.name }, 'a schedule could not be looked after')
    }
  }
}

/** A look without a lock: most ticks find nothing to do. */
function hasNews(definition: ScheduleDefinition, schedule: Schedule | undefined, now: Date): boolean {
  if (schedule === undefined || schedule.rule !== ruleOf(definition)) return true
  return dueOf(definition, schedule, now).length > 0
}

/** Cron and zone; null while it is switched off. */
export function ruleOf({ cron, timezone, enabled = true }: ScheduleDefinition): string | null {
  return enabled ? `${cron} ${timezone}` : null
}

/** How far back is looked, in days, until there is more than is recorded: counting years of five minutes takes long. */
const lookBackDays = [7, 30, historyDays]

/** What came due since the last look, of a long downtime the later part. */
function dueOf(definition: ScheduleDefinition, { paused, rule, recordedUntil }: Schedule, now: Date): Date[] {
  if (paused || rule === null) return []
  let due: Date[] = []
  for (const days of lookBackDays) {
    const oldest = new Date(now.getTime() - days * 24 * hourMs)
    due = occurrencesBetween(definition, recordedUntil > oldest ? recordedUntil : oldest, now)
    if (recordedUntil >= oldest || due.length > recordedMissed) break
  }
  return due
}

async function record(
  app: FastifyInstance,
  em: EntityManager,
  definition: ScheduleDefinition,
  now: Date,
): Promise<void> {
  const schedule = await lockSchedule(em, definition, now)
  if (schedule.follow(ruleOf(definition), now)) return
  const due = dueOf(definition, schedule, now)
  const latest = due.pop()
  if (latest === undefined) return
  schedule.recordedUntil = latest
  const inTime = now.getTime() - latest.getTime() <= (definition.lateWithinMs ?? 24 * hourMs)
  await recordMissed(em, definition, inTime ? due : [...due, latest], now)
  if (inTime) await claim(app, em, definition, latest, now)
}

/** The schedule's row, made when it is first seen, and locked until the transaction ends. */
export async function lockSchedule(
  em: EntityManager,
  definition: ScheduleDefinition,
  now: Date,
): Promise<Schedule> {
  const { name } = definition
  await em
    .createQueryBuilder(Schedule)
    .insert({
      name,
      rule: ruleOf(definition),
      paused: false,
      pausedReason: null,
      firstSeenAt: now,
      recordedUntil: now,
    })
    .onConflict('name')
    .ignore()
    .execute()
  return em.findOneOrFail(Schedule, { name }, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true })
}

/** Nothing was there to run them, and it is too late now, or a later one stands for them. The latest get a row each. */
async function recordMissed(
  em: EntityManager,
  { name, dataset }: ScheduleDefinition,
  due: Date[],
  now: Date,
): Promise<void> {
  const recorded = due.slice(-recordedMissed)
  if (recorded.length === 0) return
  const note = 'Nothing was running when it was due.'
  await insertUnrun(em, { schedule: name, status: 'missed', due: recorded, note, now })
  await appendAudit(em, {
    ...system,
    action: 'schedule.missed',
    entityType: 'schedule',
    entityIds: [name],
    ...(dataset !== null && { dataset }),
    metadata: { occurrences: recorded.length, from: recorded[0], to: recorded.at(-1) },
  })
}

/** A run of its own for an occurrence, unless another one of the schedule is still at work. */
async function claim(
  app: FastifyInstance,
  em: EntityManager,
  definition: ScheduleDefinition,
  dueAt: Date,
  now: Date,
): Promise<void> {
  const { name: schedule, dataset } = definition
  const underway = await em.findOne(ScheduleRun, { schedule, status: { $in: ['queued', 'running'] } })
  const run = em.create(ScheduleRun, {
    ...unbegun,
    ...{ id: newId(), schedule, dueAt, trigger: 'scheduled', createdBy: null, createdAt: now },
    ...(underway === null
      ? { status: 'queued' }
      : { status: 'skipped', finishedAt: now, note: stillRunning(underway) }),
  })
  await auditRun(em, run, dataset, underway === null ? 'queued' : 'skipped', system)
  if (underway === null) await app.queue.enqueue(em, runJob, { id: run.id }, run.id)
  await app.signals.send(em, topicOf(run.id))
}

function stillRunning({ dueAt }: ScheduleRun): string {
  return `The run of ${dueAt.toISOString()} was still under way.`
}
