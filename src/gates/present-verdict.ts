import type { GateVerdict } from './verdict.ts'

/** A verdict as the API answers with it. */
export function presentVerdict({ snapshot, ...verdict }: GateVerdict) {
  return {
    ...verdict,
    snapshot: snapshot && {
      id: snapshot.id,
      scope: snapshot.scope,
      takenAt: snapshot.takenAt.toISOString(),
      verifiedAt: snapshot.verifiedAt?.toISOString() ?? null,
    },
  }
}
