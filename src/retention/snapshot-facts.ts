import type { FastifyInstance } from 'fastify'
import type { Dataset } from '../datasets/definition.ts'
import { parseDuration } from '../platform/durations.ts'
import { backupScope, backupsKept, isBackup, snapshotRetention } from '../snapshots/expiry.ts'
import { completedSnapshots, type CompletedRow } from './queries.ts'
import type { RetainedSnapshot, SnapshotPolicy } from './policy.ts'

const dayMs = 86_400_000

/** What is kept of a dataset's snapshots, with every default filled in. */
export function policyOf(dataset: Dataset, backupRetentionDays: number): SnapshotPolicy {
  const { expireAfterMs, keep } = snapshotRetention(dataset, backupRetentionDays)
  const { within, ...counts } = keep
  return {
    expireAfterMs,
    keep: { ...counts, ...(within !== undefined && { withinMs: parseDuration(within) }) },
    backups: backupsKept(dataset),
    timezone: dataset.timezone,
  }
}

/** The completed snapshots of a dataset, as the policy looks at them. */
export async function retainedSnapshots(
  { orm, config }: FastifyInstance,
  dataset: Dataset,
): Promise<RetainedSnapshot[]> {
  const found = await completedSnapshots(orm.em.fork(), dataset.name)
  return found.map((snapshot) => factsOf(snapshot, dataset, config.backupRetentionDays))
}

function factsOf(snapshot: CompletedRow, dataset: Dataset, backupRetentionDays: number): RetainedSnapshot {
  const { id, scope, hold, expiresAt, expiryChosen, verified, takenAt } = snapshot
  return {
    ...{ id, scope, takenAt, hold, expiresAt, expiryChosen },
    verified,
    undoUntil: isSafety(snapshot) ? new Date(takenAt.getTime() + backupRetentionDays * dayMs) : null,
    backupOf: isBackup(dataset, snapshot) ? periodOf(dataset, snapshot) : null,
  }
}

/** Taken by Holdfast itself, before it overwrote or removed rows. */
function isSafety({ trigger, restoreId }: CompletedRow): boolean {
  return restoreId !== null || trigger === 'pre_restore' || trigger === 'pre_cleanup'
}

/** The month that it is the backup of; where backups hold all records, when it was taken. */
function periodOf(dataset: Dataset, { scope, takenAt }: CompletedRow): string {
  return backupScope(dataset) === 'previousMonth' && 'month' in scope ? scope.month : takenAt.toISOString()
}
