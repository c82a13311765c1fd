import type { FastifyInstance } from 'fastify'
import { requirePermission } from '../access/guard.ts'
import type { Actor, Cause } from '../audit/actor.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { Dataset } from '../datasets/definition.ts'
import { coversScope } from '../datasets/scope-coverage.ts'
import type { Scope } from '../datasets/scope.ts'
import { findNearest } from '../snapshots/find-covering.ts'
import { gateProblems } from './errors.ts'
import { gateRule, type GatedOperation } from './gate-policy.ts'
import { unasked, verdictOn, type ClearingCall, type GateVerdict } from './verdict.ts'

/**
 * Judges whether an operation may go ahead: by the newest completed snapshot whose scope covers the operation's, and its
 * age. One of all records covers every scope of the dataset, at the age it has. Changes nothing.
 * @param actor a member is told nothing of snapshots that hold more than the records in question
 */
export async function judgeGate(
  app: FastifyInstance,
  dataset: Dataset,
  scope: Scope,
  operation: GatedOperation,
  actor: Actor,
): Promise<GateVerdict> {
  const [verdict] = await judgeGates(app, dataset, scope, [operation], actor)
  return verdict!
}

/** The same for several operations on the same records. @returns in their order */
export async function judgeGates(
  app: FastifyInstance,
  dataset: Dataset,
  scope: Scope,
  operations: readonly GatedOperation[],
  actor: Actor,
): Promise<GateVerdict[]> {
  const rules = operations.map((operation) => ({ operation, rule: gateRule(dataset, operation) }))
  const isAsked = rules.some(({ rule }) => rule !== null)
  const nearest = isAsked ? await findNearest(app.orm.em, dataset, scope) : null
  const mayKnow =
    actor.role !== 'member' ||
    (nearest !== null && coversScope(scope, nearest.snapshot.scope, dataset.timezone))
  const now = app.clock.now()
  return rules.map(({ operation, rule }) =>
    rule === null
      ? unasked(operation, dataset, scope)
      : verdictOn(operation, dataset, scope, rule, nearest, mayKnow, now),
  )
}

/** What somebody who went through a gate may say of it. */
export interface GatePass {
  /** The check was not made, at the caller's own wish. */
  skipped: boolean
  /** The snapshot that opened the gate. */
  snapshotId: string | null
  snapshotAt: Date | null
}

export interface GatedRequest {
  dataset: Dataset
  scope: Scope
  operation: GatedOperation
  /** Goes through a closed gate, for those who may. */
  skipSnapshotCheck?: boolean
}

/**
 * Lets an operation through, or refuses it. Going through unjudged takes the permission `gates:skip` and is recorded in
 * the audit log, whatever the verdict would have been.
 * @throws Problem SNAPSHOT_REQUIRED, SNAPSHOT_STALE with the snapshot that was found, its age, what it doesn't cover and
 *   the call that clears the gate; FORBIDDEN
 */
export async function requireGate(
  app: FastifyInstance,
  { dataset, scope, operation, skipSnapshotCheck = false }: GatedRequest,
  cause: Cause,
): Promise<GatePass> {
  if (skipSnapshotCheck) requirePermission(cause, 'gates:skip')
  const verdict = await judgeGate(app, dataset, scope, operation, cause.actor)
  if (skipSnapshotCheck) await recordSkip(app, verdict, cause)
  else if (verdict.code !== null) throw refusal(verdict, verdict.code)
  const { id = null, takenAt = null } = (verdict.open ? verdict.snapshot : null) ?? {}
  return { skipped: skipSnapshotCheck, snapshotId: id, snapshotAt: takenAt }
}

async function recordSkip(
  { orm }: FastifyInstance,
  { dataset, scope, operation, code, detail, snapshot }: GateVerdict,
  cause: Cause,
): Promise<void> {
  await orm.em.fork().transactional((em) =>
    appendAudit(em, {
      ...cause,
      action: 'gate.skipped',
      entityType: 'dataset',
      entityIds: [dataset],
      dataset,
      metadata: { operation, scope: shortened(scope), verdict: code ?? 'open', detail },
      snapshotId: snapshot?.id,
    }),
  )
}

/** A scope for the audit log, where thousands of keys are of no use. */
function shortened(scope: Scope): object {
  if (!('keys' in scope) || scope.keys.length <= 100) return scope
  return { keys: scope.keys.slice(0, 100), more: scope.keys.length - 100 }
}

function refusal(verdict: GateVerdict, code: NonNullable<GateVerdict['code']>) {
  const { operation, maxAge, maxAgeSeconds, snapshot, ageSeconds, missing, clearWith } = verdict
  const gate = { operation, maxAge, maxAgeSeconds, snapshot, ageSeconds, missing }
  return gateProblems[code](`${verdict.detail} ${clearingWords(clearWith!)}`, {
    extensions: { gate, clearWith },
  })
}

/** The same for people; a long list of keys is left to the data. */
function clearingWords({ method, path, body }: ClearingCall): string {
  const text = JSON.stringify(body)
  if (text.length <= 400) return `To clear it: ${method} ${path} ${text}`
  const { dataset, reuseWithin } = body
  return `To clear it: ${method} ${path} with dataset ${dataset}, the same scope, and reuseWithin ${reuseWithin}`
}
