import type { Dataset } from '../datasets/definition.ts'
import { describeScope } from '../datasets/scope-coverage.ts'
import type { Scope } from '../datasets/scope.ts'
import { wordSpan } from '../platform/wording.ts'
import type { Coverage } from '../snapshots/find-covering.ts'
import type { GatedOperation, GateRule } from './gate-policy.ts'

/** The snapshot that a verdict goes by. */
export interface GateSnapshot {
  id: string
  scope: Scope
  takenAt: Date
  verifiedAt: Date | null
}

/** The call after which the gate is open. */
export interface ClearingCall {
  method: 'POST'
  path: '/api/snapshots'
  body: { dataset: string; scope: Scope; reuseWithin: string }
}

export interface GateVerdict {
  dataset: string
  operation: GatedOperation
  scope: Scope
  open: boolean
  /** Why it is closed; null when it is open. */
  code: 'SNAPSHOT_REQUIRED' | 'SNAPSHOT_STALE' | null
  /** The verdict in words. */
  detail: string
  /** How old the snapshot may be; null when the dataset asks for none. */
  maxAge: string | null
  maxAgeSeconds: number | null
  /** The latest that covers the scope, or the one that lacks least of it; null when there is none to show. */
  snapshot: GateSnapshot | null
  ageSeconds: number | null
  /** What of the scope that snapshot does not cover; null when it covers all of it. */
  missing: string | null
  /** Null when the gate is open. */
  clearWith: ClearingCall | null
}

/**
 * The verdict on an operation, from the newest snapshot that covers its scope, or the nearest.
 * @param nearest null: there is none at all
 * @param mayKnow whether the reader may be told of that snapshot
 */
export function verdictOn(
  operation: GatedOperation,
  dataset: Dataset,
  scope: Scope,
  rule: GateRule,
  nearest: Coverage | null,
  mayKnow: boolean,
  now: Date,
): GateVerdict {
  const { code, detail, ageMs } = judge(nearest, mayKnow, dataset, scope, rule, now)
  const shown = mayKnow ? nearest : null
  return {
    dataset: dataset.name,
    operation,
    scope,
    open: code === null,
    code,
    detail,
    maxAge: rule.maxAge,
    maxAgeSeconds: rule.maxAgeMs / 1000,
    snapshot: shown && presentNearest(shown),
    ageSeconds: shown && Math.floor(ageMs / 1000),
    missing: shown?.lack?.words ?? null,
    clearWith: code === null ? null : clearingCall(dataset, scope, rule),
  }
}

/** The verdict where the dataset asks for no snapshot. */
export function unasked(operation: GatedOperation, { name }: Dataset, scope: Scope): GateVerdict {
  return {
    dataset: name,
    operation,
    scope,
    open: true,
    code: null,
    detail: 'The dataset asks for no snapshot before this operation.',
    maxAge: null,
    maxAgeSeconds: null,
    snapshot: null,
    ageSeconds: null,
    missing: null,
    clearWith: null,
  }
}

function judge(
  nearest: Coverage | null,
  mayKnow: boolean,
  dataset: Dataset,
  scope: Scope,
  { maxAge, maxAgeMs }: GateRule,
  now: Date,
): Pick<GateVerdict, 'code' | 'detail'> & { ageMs: number } {
  const words = `${dataset.title} (${describeScope(scope)})`
  if (nearest === null || (nearest.lack !== null && !mayKnow)) {
    return { code: 'SNAPSHOT_REQUIRED', detail: `No completed snapshot covers ${words}.`, ageMs: 0 }
  }
  const { snapshot, lack } = nearest
  const ageMs = Math.max(0, now.getTime() - snapshot.takenAt.getTime()) // another server's clock may be ahead
  const age = ageMs < 60_000 ? 'under a minute old' : `${wordSpan(ageMs)} old`
  const which = mayKnow ? `snapshot ${snapshot.id} (${describeScope(snapshot.scope)})` : 'the latest snapshot'
  if (lack !== null) {
    const detail = `No completed snapshot covers ${words}. The nearest, ${which}, is ${age} and does not cover ${lack.words}.`
    return { code: 'SNAPSHOT_REQUIRED', detail, ageMs }
  }
  const covers = `${which.charAt(0).toUpperCase()}${which.slice(1)} covers ${words} and is ${age}`
  if (ageMs > maxAgeMs) return { code: 'SNAPSHOT_STALE', detail: `${covers}; ${maxAge} is allowed.`, ageMs }
  return { code: null, detail: `${covers}.`, ageMs }
}

function presentNearest({ snapshot: { id, scope, takenAt, verifiedAt } }: Coverage): GateSnapshot {
  return { id, scope, takenAt, verifiedAt }
}

function clearingCall({ name }: Dataset, scope: Scope, { maxAge }: GateRule): ClearingCall {
  return { method: 'POST', path: '/api/snapshots', body: { dataset: name, scope, reuseWithin: maxAge } }
}
