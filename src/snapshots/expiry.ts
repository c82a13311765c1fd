import type { Dataset } from '../datasets/definition.ts'
import type { Scope } from '../datasets/scope.ts'
import { parseDuration } from '../platform/durations.ts'
import { snapshotProblems } from './errors.ts'

/** @throws Problem SNAPSHOT_OPTIONS_INVALID when a snapshot would have expired before it is there */
export function requireFuture(expiresAt: Date, now: Date): void {
  if (expiresAt > now) return
  const detail = 'must be in the future'
  throw snapshotProblems.SNAPSHOT_OPTIONS_INVALID(`expiresAt ${detail}`, {
    errors: [{ pointer: '/expiresAt', detail }],
  })
}

const dayMs = 86_400_000

/** How long a dataset's snapshots stay, and what of them stays longer. @param defaultDays BACKUP_RETENTION_DAYS */
export function snapshotRetention({ policies }: Dataset, defaultDays: number) {
  const { expireAfter, keep = {} } = policies.retention?.snapshots ?? {}
  const expireAfterMs = expireAfter === undefined ? defaultDays * dayMs : parseDuration(expireAfter)
  return { expireAfterMs, keep }
}

/** Which records a dataset's backups hold: the month before theirs, or all. */
export function backupScope({ policies, root }: Dataset): 'previousMonth' | 'all' {
  return policies.backup?.scope ?? (root.dates === null ? 'all' : 'previousMonth')
}

/** How many backups are kept. */
export function backupsKept({ policies }: Dataset): number {
  return policies.backup?.keep ?? 24
}

/** Whether a snapshot is one of its dataset's backups, whoever asked for it: scheduled, and of what backups hold. */
export function isBackup(dataset: Dataset, { scope, trigger }: { scope: Scope; trigger: string }): boolean {
  if (dataset.policies.backup === undefined || trigger !== 'scheduled') return false
  return backupScope(dataset) === 'all' ? 'all' in scope : 'month' in scope
}
