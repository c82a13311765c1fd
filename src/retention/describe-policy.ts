import { wordCount, wordSpan } from '../platform/wording.ts'
import type { RecordRetention } from './plan-retention.ts'
import type { SnapshotPolicy } from './policy.ts'

const dayMs = 86_400_000

/** A declared length of time, exactly: `180 days`, `12 hours`. */
export function wordLength(milliseconds: number): string {
  return milliseconds % dayMs === 0 ? wordCount(milliseconds / dayMs, 'day') : wordSpan(milliseconds)
}

const counted = [
  ['last', 'the last'],
  ['daily', 'the last of each day, for days'],
  ['weekly', 'the last of each week, for weeks'],
  ['monthly', 'the last of each month, for months'],
  ['yearly', 'the last of each year, for years'],
] as const

/** What becomes of snapshots, in sentences. */
export function wordPolicy({ expireAfterMs, keep, backups }: SnapshotPolicy, hasBackups: boolean): string[] {
  const beyond = counted.flatMap(([rule, words]) => {
    const count = keep[rule]
    return count === undefined ? [] : `${words}: ${count}`
  })
  if (keep.withinMs !== undefined) beyond.push(`all of the last ${wordLength(keep.withinMs)}`)
  return [
    `A snapshot is kept for ${wordLength(expireAfterMs)}, unless a time was chosen for it.`,
    ...(beyond.length > 0 ? [`Of each scope are kept longer: ${beyond.join('; ')}.`] : []),
    ...(hasBackups ? [`Of the backups by schedule, the last ${wordCount(backups, 'one')} are kept.`] : []),
    'Always kept: what is on hold, what a change can still be undone with, and the newest verified one of each kind.',
  ]
}

/** What becomes of records, in a sentence. */
export function wordRecordRetention({ enabled, ageMs, graceMs, notice, limit }: RecordRetention): string {
  if (!enabled) return 'Switched off in the dataset file.'
  const stops = [
    ...(limit.records === null ? [] : [`${wordCount(limit.records, 'record')}`]),
    ...(limit.percent === null ? [] : [`${limit.percent} % of the dataset`]),
  ]
  return [
    `Records older than ${wordLength(ageMs)} are removed ${wordLength(graceMs)} after that was planned`,
    notice ? ' and only if people were told' : '',
    stops.length > 0 ? `; more than ${stops.join(' or ')} at once waits for somebody to confirm` : '',
    '.',
  ].join('')
}
