import type { FastifyInstance } from 'fastify'
import type { Dataset } from '../datasets/definition.ts'
import { parseDuration } from '../platform/durations.ts'
import { backupScope, backupsKept, isBackup, snapshotRetention } from '../snapshots/expiry.ts'
import { Snapshot } from '../snapshots/snapshot.ts'
import type { RetainedSnapshot, SnapshotPolicy } from './policy.ts'

const dayMs = 86_400_000

const fields = [
  'id',
  'dataset',
  'scope',
  'trigger',
  'takenAt',
  'hold',
  'expiresAt',
  'expiryChosen',
  'verifiedAt',
  'restoreId',
] as const

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
  const where = { dataset: dataset.name, status: 'completed', deletedAt: null } as const
  const found = await orm.em.fork().find(Snapshot, where, { fields, disableIdentityMap: true })
  return found.map((snapshot) => factsOf(snapshot as Snapshot, dataset, config.backupRetentionDays))
}

function factsOf(snapshot: Snapshot, dataset: Dataset, backupRetentionDays: number): RetainedSnapshot {
  const { id, scope, hold, expiresAt, expiryChosen, verifiedAt } = snapshot
  const takenAt = snapshot.takenAt!
  return {
    ...{ id, scope, takenAt, hold, expiresAt, expiryChosen },
    verified: verifiedAt !== null,
    undoUntil: isSafety(snapshot) ? new Date(takenAt.getTime() + backupRetentionDays * dayMs) : null,
    backupOf: isBackup(dataset, snapshot) ? periodOf(dataset, snapshot) : null,
  }
}

/** Taken by Holdfast itself, before it overwrote or removed rows. */
function isSafety({ trigger, restoreId }: Snapshot): boolean {
  return restoreId !== null || trigger === 'pre_restore' || trigger === 'pre_cleanup'
}

/** The month that it is the backup of; where backups hold all records, when it was taken. */
function periodOf(dataset: Dataset, { scope, takenAt }: Snapshot): string {
  return backupScope(dataset) === 'previousMonth' && 'month' in scope ? scope.month : takenAt!.toISOString()
}
