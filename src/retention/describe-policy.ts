import { wordCount, wordSpan } from '../platform/wording.ts'
import type { RecordRetention } from './plan-retention.ts'
import type { SnapshotPolicy } from './policy.ts'

const counted: [rule: 'last' | 'daily' | 'weekly' | 'monthly' | 'yearly', one: string, many: string][] = [
  ['last', 'the last one', 'the last'],
  ['daily', 'the last of a day', 'the last of each day, for days'],
  ['weekly', 'the last of a week', 'the last of each week, for weeks'],
  ['monthly', 'the last of a month', 'the last of each month, for months'],
  ['yearly', 'the last of a year', 'the last of each year, for years'],
]

/** What becomes of snapshots, in sentences. */
export function wordPolicy({ expireAfterMs, keep, backups }: SnapshotPolicy, hasBackups: boolean): string[] {
  const beyond = counted.flatMap(([rule, , many]) => {
    const count = keep[rule]
    return count === undefined ? [] : `${many}: ${count}`
  })
  if (keep.withinMs !== undefined) beyond.push(`all of the last ${wordSpan(keep.withinMs)}`)
  return [
    `A snapshot is kept for ${wordSpan(expireAfterMs)}, unless a time was chosen for it.`,
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
    `Records older than ${wordSpan(ageMs)} are removed ${wordSpan(graceMs)} after that was planned`,
    notice ? ' and only if people were told' : '',
    stops.length > 0 ? `; more than ${stops.join(' or ')} at once waits for somebody to confirm` : '',
    '.',
  ].join('')
}
