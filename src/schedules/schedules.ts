import type { FastifyInstance } from 'fastify'
import plugin from 'fastify-plugin'
import type { Cause } from '../audit/actor.ts'
import { scheduleProblems } from './errors.ts'
import type { RunOutcome, RunTrigger } from './schedule-run.ts'

export type { Caused, RunOutcome } from './schedule-run.ts'

/** Something that is to happen by the calendar. */
export interface ScheduleDefinition {
  /** Safe in addresses, unique: `cleanups.due`, `backup.chat`. */
  name: string
  title: string
  description: string
  dataset: string | null
  /** See occurrences.ts for what it means where the clocks are changed. */
  cron: string
  timezone: string
  /** False: declared, but switched off. Default true. */
  enabled?: boolean
  /** A missed occurrence is still run, once, within this time; then it is recorded as missed. Default 24 h. */
  lateWithinMs?: number
  /**
   * Does it. It may have been begun before by a process that died, so it starts over or goes on.
   * @throws Problem when the run failed with it
   */
  run(occurrence: Occurrence): Promise<RunOutcome>
}

export interface Occurrence {
  runId: string
  schedule: string
  /** When it was due; of a run that somebody asked for, when they did. */
  dueAt: Date
  trigger: RunTrigger
  cause: Cause
  /** Aborts when the service shuts down, or the attempt counts no longer. */
  signal: AbortSignal
  /** 1 for the first. */
  attempt: number
}

export interface Schedules {
  /**
   * Adds schedules; before the service is ready.
   * @param definitions asked whenever somebody wants to know, so that those of datasets come and go with the files
   */
  provide(definitions: () => ScheduleDefinition[]): void
  /** All that are declared now, by name. */
  list(): ScheduleDefinition[]
  /** @throws Problem SCHEDULE_NOT_FOUND */
  get(name: string): ScheduleDefinition
}

declare module 'fastify' {
  interface FastifyInstance {
    schedules: Schedules
  }
}

/** Where features say what is to happen when. */
export default plugin(
  async (app: FastifyInstance) => {
    const providers: (() => ScheduleDefinition[])[] = []
    const list = () => providers.flatMap((provide) => provide()).sort((a, b) => (a.name < b.name ? -1 : 1))
    const get = (name: string) => {
      const found = list().find((definition) => definition.name === name)
      if (found === undefined) throw scheduleProblems.SCHEDULE_NOT_FOUND(`There is no schedule "${name}".`)
      return found
    }
    app.decorate('schedules', { provide: (definitions) => void providers.push(definitions), list, get })
  },
  { name: 'schedule-definitions' },
)
