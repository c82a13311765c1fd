import type { FastifyInstance } from 'fastify'
import { lastRuns } from './find-runs.ts'
import { nextOccurrences } from './occurrences.ts'
import { presentRun } from './present-run.ts'
import { Schedule } from './schedule.ts'
import type { ScheduleDefinition } from './schedules.ts'

/** How many of the coming occurrences are shown. */
const shown = 5

export type DescribedSchedule = Awaited<ReturnType<typeof describeSchedules>>[number]

/** Schedules as the API answers with them. @param definitions default: all, by name */
export async function describeSchedules(
  app: FastifyInstance,
  definitions: ScheduleDefinition[] = app.schedules.list(),
) {
  const names = definitions.map(({ name }) => name)
  const em = app.orm.em.fork()
  const known = await em.find(Schedule, { name: { $in: names } })
  const paused = new Map(
    known.filter((schedule) => schedule.paused).map((schedule) => [schedule.name, schedule]),
  )
  const last = await lastRuns(em, names)
  return definitions.map((definition) => {
    const { name, title, description, dataset, cron, timezone, enabled = true } = definition
    const isPaused = paused.has(name)
    const run = last.get(name)
    return {
      ...{ name, title, description, dataset, cron, timezone, enabled },
      paused: isPaused,
      pausedReason: paused.get(name)?.pausedReason ?? null,
      nextRuns: enabled && !isPaused ? next(definition, app.clock.now()) : [],
      lastRun: run === undefined ? null : presentRun(run),
    }
  })
}

function next(definition: ScheduleDefinition, now: Date): string[] {
  return nextOccurrences(definition, now, shown).map((at) => at.toISOString())
}

/** When a schedule is due next; null while it is off or paused. */
export async function nextRunOf(
  { orm, schedules, clock }: FastifyInstance,
  name: string,
): Promise<Date | null> {
  const definition = schedules.get(name)
  if (definition.enabled === false) return null
  if ((await orm.em.fork().count(Schedule, { name, paused: true })) > 0) return null
  return nextOccurrences(definition, clock.now(), 1)[0] ?? null
}
