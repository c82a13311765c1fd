import type { Snapshot } from './snapshot.ts'

/** A snapshot as the API answers with it. */
export function presentSnapshot(snapshot: Snapshot) {
  return {
    id: snapshot.id,
    dataset: snapshot.dataset,
    scope: snapshot.scope,
    trigger: snapshot.trigger,
    status: snapshot.status,
    title: snapshot.title,
    note: snapshot.note,
    takenAt: iso(snapshot.takenAt),
    sha256: snapshot.sha256,
    bytes: snapshot.bytes,
    storedBytes: snapshot.storedBytes,
    counts: snapshot.counts,
    stats: snapshot.stats,
    key: snapshot.takenAt === null ? null : snapshot.key,
    expiresAt: iso(snapshot.expiresAt),
    hold: snapshot.hold,
    createdBy: snapshot.createdBy,
    createdAt: snapshot.createdAt.toISOString(),
    startedAt: iso(snapshot.startedAt),
    finishedAt: iso(snapshot.finishedAt),
    attempts: snapshot.attempts,
    progress: snapshot.status === 'generating' ? progressOf(snapshot) : null,
    verifiedAt: iso(snapshot.verifiedAt),
    lastVerification: snapshot.lastVerification,
    restoreId: snapshot.restoreId,
    cleanupId: snapshot.cleanupId,
    warnings: warningsOf(snapshot),
    error: snapshot.error,
  }
}

function iso(at: Date | null): string | null {
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
