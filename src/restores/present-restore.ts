import type { Restore } from './restore.ts'

/** A restore as the API answers with it. */
export function presentRestore(restore: Restore) {
  const { id, dataset, snapshotId, mode, undoes, status, planHash, preRestoreSnapshotId, progress, error } =
    restore
  const { plan, counts, createdBy } = restore
  return {
    ...{
      id,
      dataset,
      snapshotId,
      mode,
      undoes,
      status,
      planHash,
      preRestoreSnapshotId,
      progress,
      counts,
      createdBy,
    },
    error: error && { ...error, moved: error.moved?.map(shortKey) ?? [] },
    keys: restore.keys?.map(shortKey) ?? null,
    plan: plan && { ...plan.operations, tables: plan.tables },
    warnings: restore.warnings.map(presentWarning),
    warningCount: Math.max(plan?.warningCount ?? 0, restore.warnings.length),
    blockers: plan?.blockers.map(presentWarning) ?? [],
    sample: plan?.sample.map((record) => ({ ...record, key: shortKey(record.key) })) ?? [],
    createdAt: restore.createdAt.toISOString(),
    startedAt: restore.startedAt?.toISOString() ?? null,
    finishedAt: restore.finishedAt?.toISOString() ?? null,
  }
}

function presentWarning<W extends { key: unknown[] | null }>(warning: W) {
  return { ...warning, key: warning.key && shortKey(warning.key) }
}

/** A key as scopes have it: the value alone when the key has one column. */
function shortKey<T>(key: T[]): T | T[] {
  return key.length === 1 ? key[0]! : key
}
