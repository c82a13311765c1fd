import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import type { ScheduleDefinition } from '../../src/schedules/schedules.ts'
import { ScheduleRun } from '../../src/schedules/schedule-run.ts'
import { tick } from '../../src/schedules/tick.ts'
import { testApp } from '../support/app.ts'
import { bearer, movableClock } from '../support/people.ts'
import { sql } from '../support/postgres.ts'

/** The service with schedules of the test's own, on a clock that the test moves. */
export async function scheduleService(t: Test) {
  const clock = movableClock()
  let declared: ScheduleDefinition[] = []
  const routes = async (app: FastifyInstance) => app.schedules.provide(() => declared)
  const app = await testApp(t, { clock, routes })
  const headers = await bearer(app, 'operator')
  return {
    app,
    clock,
    /** Starts anew, with these schedules. */
    async declare(...schedules: Partial<ScheduleDefinition>[]): Promise<ScheduleDefinition[]> {
      await finished(app)
      await sql(app.config.databaseUrl!, 'TRUNCATE schedules, schedule_runs')
      declared = schedules.map(definition)
      clock.at = Date.parse('2026-11-20T10:00:00Z')
      await tick(app)
      return declared
    },
    /** Another process's worth of the same service. */
    replica: () => testApp(t, { clock, routes, databaseUrl: app.config.databaseUrl! }),
    /** Lets the time come, and everything that is due then be done. */
    async goTo(at: string) {
      clock.at = Date.parse(at)
      await tick(app)
      await finished(app)
    },
    async call(method: 'GET' | 'POST' | 'PATCH', path: string, payload?: object, more: object = {}) {
      const url = `/api/schedules${path}`
      const answer = await app.inject({
        method,
        url,
        headers: { ...headers, ...more },
        ...(payload && { payload }),
      })
      return { status: answer.statusCode, body: answer.json() }
    },
  }
}

export function definition(given: Partial<ScheduleDefinition>): ScheduleDefinition {
  return {
    ...{ name: 'test.daily', title: 'Daily', description: 'For the test', dataset: null },
    ...{ cron: '0 2 * * *', timezone: 'UTC', run: async () => ({}) },
    ...given,
  }
}

/** Waits until no run waits or is under way. */
export async function finished(app: FastifyInstance): Promise<void> {
  const open = { status: { $in: ['queued', 'running'] } } as const
  const run = await app.orm.em.fork().findOne(ScheduleRun, open)
  if (run === null) return
  const over = async () => {
    const latest = await app.orm.em.fork().findOneOrFail(ScheduleRun, { id: run.id })
    return latest.isUnfinished() ? null : true
  }
  await app.signals.waitFor(`schedule-run:${run.id}`, over, 30_000)
  return finished(app)
}

/** The history of a schedule, oldest first: `due status`. */
export async function history(app: FastifyInstance, schedule = 'test.daily'): Promise<string[]> {
  const runs = await app.orm.em.fork().find(ScheduleRun, { schedule }, { orderBy: { dueAt: 'asc' } })
  return runs.map(({ dueAt, status }) => `${dueAt.toISOString().slice(0, 16)} ${status}`)
}
