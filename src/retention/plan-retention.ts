import type { FastifyInstance } from 'fastify'
import { planCleanup } from '../cleanups/plan-cleanup.ts'
import type { Dataset } from '../datasets/definition.ts'
import type { Scope } from '../datasets/scope.ts'
import { parseDuration } from '../platform/durations.ts'
import { wordCount, wordTime } from '../platform/wording.ts'
import type { Occurrence, RunOutcome } from '../schedules/schedules.ts'

/** What a dataset's `retention.records` says, with every default filled in. */
export interface RecordRetention {
  enabled: boolean
  cron: string
  ageMs: number
  graceMs: number
  notice: boolean
  limit: { records: number | null; percent: number | null }
}

/** A schedule's name. */
export function retentionName({ name }: Dataset): string {
  return `retention.${name}`
}

const defaults = { schedule: '0 3 * * *', grace: '7d' }

/** @returns null for a dataset whose records stay: none is declared, or they have no dates */
export function recordRetention({ policies, root }: Dataset): RecordRetention | null {
  const declared = policies.retention?.records
  if (declared === undefined || root.dates === null) return null
  const { enabled = true, schedule = defaults.schedule, grace = defaults.grace, notice = true } = declared
  return {
    ...{ enabled, cron: schedule, notice },
    ageMs: parseDuration(declared.age),
    graceMs: parseDuration(grace),
    limit: { records: declared.limit ?? null, percent: declared.limitPercent ?? null },
  }
}

/** Records from before then are past their age. */
export function cutoffOf({ ageMs }: RecordRetention, now: Date): Date {
  return new Date(now.getTime() - ageMs)
}

/** The records that are past their age. */
export function scopePast(cutoff: Date): Scope {
  return { to: cutoff.toISOString() }
}

/**
 * Plans the removal of the records that are past their age, for when the grace period is over. Those that a cleanup has
 * already, which waits, are left to it: each day's plan is about what has come of age since.
 * @throws Problem SOURCE_…, DATASET_…
 */
export async function planRetention(
  app: FastifyInstance,
  name: string,
  { cause }: Occurrence,
): Promise<RunOutcome> {
  const dataset = await app.datasets.current(name)
  const rule = recordRetention(dataset)
  if (rule === null) return { note: 'The dataset keeps its records.' }
  const now = app.clock.now()
  const cutoff = cutoffOf(rule, now)
  const cleanup = await planCleanup(
    app,
    {
      ...{ dataset, scope: scopePast(cutoff), target: 'records', origin: 'retention' },
      dueAt: new Date(now.getTime() + rule.graceMs),
      noticeRequired: rule.notice,
      limit: rule.limit,
    },
    cause,
  )
  if (cleanup === null)
    return { counts: { planned: 0 }, note: `Nothing from before ${wordTime(cutoff)} is left to plan.` }
  const planned = 'records' in cleanup.plan ? cleanup.plan.records : 0
  return {
    counts: { planned },
    caused: [{ type: 'cleanup', id: cleanup.id }],
    note: `${wordCount(planned, 'record')} from before ${wordTime(cutoff)} will go on ${wordTime(cleanup.dueAt)}.`,
  }
}
