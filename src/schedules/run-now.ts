import type { FastifyInstance } from 'fastify'
import type { Cause } from '../audit/actor.ts'
import { newId } from '../platform/entity.ts'
import { auditRun, topicOf } from './attempts.ts'
import { runJob } from './carry-out-run.ts'
import { scheduleProblems } from './errors.ts'
import { ScheduleRun, unbegun } from './schedule-run.ts'
import { lockSchedule } from './tick.ts'

/**
 * Has a schedule run now, paused or not.
 * @throws Problem SCHEDULE_NOT_FOUND, SCHEDULE_DISABLED, SCHEDULE_RUNNING
 */
export async function runNow(app: FastifyInstance, name: string, cause: Cause): Promise<ScheduleRun> {
  const definition = app.schedules.get(name)
  const now = app.clock.now()
  if (definition.enabled === false)
    throw scheduleProblems.SCHEDULE_DISABLED(`"${definition.title}" is switched off.`)
  return app.orm.em.fork().transactional(async (em) => {
    await lockSchedule(em, definition, now)
    const underway = await em.findOne(ScheduleRun, { schedule: name, status: { $in: ['queued', 'running'] } })
    if (underway !== null) throw refuseSecond(underway)
    const run = em.create(ScheduleRun, {
      ...unbegun,
      ...{ id: newId(), schedule: name, dueAt: now, trigger: 'manual', status: 'queued', createdAt: now },
      createdBy: cause.actor.email ?? cause.actor.name,
    })
    await auditRun(em, run, definition.dataset, 'requested', cause)
    await app.queue.enqueue(em, runJob, { id: run.id }, run.id)
    await app.signals.send(em, topicOf(run.id))
    return run
  })
}

function refuseSecond({ id, schedule, dueAt, status }: ScheduleRun) {
  return scheduleProblems.SCHEDULE_RUNNING(
    `The run of "${schedule}" that was due at ${dueAt.toISOString()} is ${status}.`,
    { extensions: { runId: id } },
  )
}
