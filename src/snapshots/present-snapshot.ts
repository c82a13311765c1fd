import type { Snapshot } from './snapshot.ts'

/** A snapshot as the API answers with it. */
export function presentSnapshot(snapshot: Snapshot) {
  const { id, dataset, scope, trigger, status, title, note, sha256, bytes, storedBytes, counts, stats } =
    snapshot
  const { hold, createdBy, attempts, lastVerification, restoreId, error } = snapshot
  return {
    ...{ id, dataset, scope, trigger, status, title, note, sha256, bytes, storedBytes, counts, stats },
    ...{ hold, createdBy, attempts, lastVerification, restoreId, error },
    key: snapshot.takenAt === null ? null : snapshot.key,
    takenAt: iso(snapshot.takenAt),
    expiresAt: iso(snapshot.expiresAt),
    createdAt: snapshot.createdAt.toISOString(),
    startedAt: iso(snapshot.startedAt),
    finishedAt: iso(snapshot.finishedAt),
    verifiedAt: iso(snapshot.verifiedAt),
    progress: status === 'generating' ? progressOf(snapshot) : null,
    warnings: warningsOf(snapshot),
  }
}

function iso(at: Date | null | undefined): string | null {
  return at?.toISOString() ?? null
}

function progressOf({ progressRecords, progressBytes }: Snapshot) {
  return { records: progressRecords, bytes: progressBytes }
}

/** A scope in which nothing falls is no mistake, such as a month without records, but worth knowing. */
function warningsOf({ status, counts }: Snapshot): string[] {
  const empty = status === 'completed' && Object.values(counts).every((count) => count === 0)
  return empty ? ['No record falls into this scope: the snapshot is empty.'] : []
}
