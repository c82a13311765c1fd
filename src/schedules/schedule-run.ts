import { defineEntity, p } from '@mikro-orm/core'
import { identity } from '../platform/entity.ts'

/** `skipped`: it came due while another run was at work. `missed`: nothing was there to run it in time. */
export const runStatuses = ['queued', 'running', 'completed', 'failed', 'skipped', 'missed'] as const
export type RunStatus = (typeof runStatuses)[number]

export const runTriggers = ['scheduled', 'manual'] as const
export type RunTrigger = (typeof runTriggers)[number]

/** What a run has to tell when it is done: figures by name, and a sentence. */
export interface RunOutcome {
  counts?: Record<string, number>
  note?: string
  /** What came of it, as the audit log names it: `{ type: 'snapshot', id }`. */
  caused?: Caused[]
}

export interface Caused {
  type: string
  id: string
}

const ScheduleRunSchema = defineEntity({
  name: 'ScheduleRun',
  tableName: 'schedule_runs',
  properties: {
    ...identity,
    schedule: p.text(),
    trigger: p.enum(runTriggers),
    dueAt: p.datetime(),
    status: p.enum(runStatuses),
    createdBy: p.text().strictNullable(),
    createdAt: p.datetime(),
    startedAt: p.datetime().strictNullable(),
    finishedAt: p.datetime().strictNullable(),
    /** How often it was begun. Also the fence: only the latest attempt may change the row. */
    attempts: p.integer(),
    counts: p.json<Record<string, number>>(),
    note: p.text().strictNullable(),
    caused: p.json<Caused[]>(),
    error: p.json<{ code: string; detail: string }>().strictNullable(),
  },
})

/** What a run has before it is begun. */
export const unbegun = {
  startedAt: null,
  finishedAt: null,
  attempts: 0,
  counts: {},
  note: null,
  caused: [],
  error: null,
}

/** One occurrence of a schedule, or a run that somebody asked for. */
export class ScheduleRun extends ScheduleRunSchema.class {
  isUnfinished(): boolean {
    return this.status === 'queued' || this.status === 'running'
  }

  /** Begins a new attempt, whatever became of the one before. */
  begin(now: Date): void {
    this.status = 'running'
    this.attempts += 1
    this.startedAt = now
  }

  /** Its turn comes again: the service is stopping. */
  requeue(): void {
    this.status = 'queued'
  }

  complete({ counts = {}, note = '', caused = [] }: RunOutcome, now: Date): void {
    this.status = 'completed'
    this.counts = counts
    this.caused = caused
    this.note = note === '' ? null : note
    this.finishedAt = now
  }

  fail(error: { code: string; detail: string }, now: Date): void {
    this.status = 'failed'
    this.error = error
    this.finishedAt = now
  }
}
ScheduleRunSchema.setClass(ScheduleRun)
