import { snapshotProblems } from './errors.ts'

/** @throws Problem SNAPSHOT_OPTIONS_INVALID when a snapshot would have expired before it is there */
export function requireFuture(expiresAt: Date, now: Date): void {
  if (expiresAt > now) return
  const detail = 'must be in the future'
  throw snapshotProblems.SNAPSHOT_OPTIONS_INVALID(`expiresAt ${detail}`, {
    errors: [{ pointer: '/expiresAt', detail }],
  })
}
