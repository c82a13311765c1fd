import { defineEntity, p } from '@mikro-orm/core'
import type { Scope } from '../datasets/scope.ts'
import type { GatePass } from '../gates/judge-gate.ts'
import { identity } from '../platform/entity.ts'
import { cleanupProblems } from './errors.ts'
import type { FilesPlan, LeftCode, RecordsPlan } from './plan.ts'

export const statuses = [
  'pending',
  'awaiting_confirmation',
  'capturing',
  'removing',
  'completed',
  'failed',
  'cancelled',
] as const
export type CleanupStatus = (typeof statuses)[number]

export const targets = ['records', 'files'] as const
export type CleanupTarget = (typeof targets)[number]

export const origins = ['person', 'retention', 'delivery'] as const
export type CleanupOrigin = (typeof origins)[number]

/** What was planned, with what the captured lines of an exact plan must hash to. */
export type StoredPlan = (RecordsPlan | FilesPlan) & { linesSha256: string; over: string | null }

/** What was done. */
export interface CleanupCounts {
  /** Records, or objects. */
  removed: number
  /** Rows by table; of files none. */
  tables: Record<string, number>
  left: number
  leftCounts: Partial<Record<LeftCode, number>>
  /** Not reached, because it was cancelled. */
  remaining: number
  /** The longest that rows were locked, in milliseconds. */
  longestLockMs: number
}

export interface CodedReason {
  code: string
  detail: string
}

const CleanupSchema = defineEntity({
  name: 'Cleanup',
  tableName: 'cleanups',
  properties: {
    ...identity,
    dataset: p.text(),
    scope: p.json<Scope>(),
    target: p.enum(targets),
    origin: p.enum(origins),
    status: p.enum(statuses),
    hold: p.boolean(),
    dueAt: p.datetime(),
    /** The deadline that the notice named: it never runs before. Null: nobody was told of one. */
    announcedDueAt: p.datetime().strictNullable(),
    /** Runs only while the scope is, to the byte, as the plan saw it. */
    exact: p.boolean(),
    noticeRequired: p.boolean(),
    skipSnapshotCheck: p.boolean(),
    plan: p.json<StoredPlan>(),
    planHash: p.text(),
    gate: p.json<GatePass>().strictNullable(),
    snapshotId: p.uuid().strictNullable(),
    batchId: p.uuid().strictNullable(),
    /** Why it did not run although it was due. */
    blocked: p.json<CodedReason[]>().strictNullable(),
    counts: p.json<CleanupCounts>().strictNullable(),
    error: p.json<CodedReason>().strictNullable(),
    createdBy: p.text().strictNullable(),
    createdAt: p.datetime(),
    startedAt: p.datetime().strictNullable(),
    finishedAt: p.datetime().strictNullable(),
    /** How often capturing was begun. Also the fence: only the latest may change the row. */
    attempts: p.integer(),
  },
})

/** A planned removal, and the way there. */
export class Cleanup extends CleanupSchema.class {
  isWaiting(): boolean {
    return this.status === 'pending' || this.status === 'awaiting_confirmation'
  }

  isRunning(): boolean {
    return this.status === 'capturing' || this.status === 'removing'
  }

  isOver(): boolean {
    return !this.isWaiting() && !this.isRunning()
  }

  /** @throws Problem CLEANUP_NOT_PENDING, CLEANUP_OPTIONS_INVALID for a time that has passed or comes before the announced one */
  change({ hold, dueAt }: { hold?: boolean; dueAt?: Date }, now: Date): void {
    this.requireWaiting()
    if (dueAt !== undefined) {
      if (dueAt <= now) throw invalidDueAt('must be in the future')
      if (this.announcedDueAt !== null && dueAt < this.announcedDueAt)
        throw invalidDueAt(`must not be before ${this.announcedDueAt.toISOString()}, which was announced`)
      this.dueAt = dueAt
    }
    if (hold !== undefined) this.hold = hold
    this.blocked = null
  }

  /** Somebody has seen that it is over its limit. @throws Problem PLAN_REQUIRED, PLAN_DRIFTED, CLEANUP_NOT_PENDING */
  confirm(planHash: string | undefined): void {
    this.requireWaiting()
    if (planHash === undefined) throw cleanupProblems.PLAN_REQUIRED('The body must have the planHash.')
    if (planHash !== this.planHash)
      throw cleanupProblems.PLAN_DRIFTED('The planHash is not the one of this cleanup.')
    this.status = 'pending'
    this.blocked = null
  }

  start(gate: GatePass, now: Date): void {
    this.status = this.target === 'records' ? 'capturing' : 'removing'
    this.gate = gate
    this.blocked = null
    this.startedAt = now
  }

  remove(snapshotId: string | null, batchId: string): void {
    this.status = 'removing'
    this.snapshotId = snapshotId
    this.batchId = batchId
  }

  end(status: 'completed' | 'cancelled', counts: CleanupCounts | null, now: Date): void {
    this.status = status
    this.counts = counts
    this.finishedAt = now
  }

  fail(error: CodedReason, now: Date): void {
    this.status = 'failed'
    this.error = error
    this.finishedAt = now
  }

  /** @throws Problem CLEANUP_NOT_UNDOABLE @returns the snapshot that holds what was removed */
  requireUndoable(): string {
    if (this.snapshotId === null || this.counts === null || this.counts.removed === 0) {
      const why = this.target === 'files' ? 'removed files, of which there is no copy' : 'has removed nothing'
      throw cleanupProblems.CLEANUP_NOT_UNDOABLE(`Cleanup ${this.id} ${why}.`)
    }
    return this.snapshotId
  }

  requireWaiting(): void {
    if (!this.isWaiting()) throw cleanupProblems.CLEANUP_NOT_PENDING(`Cleanup ${this.id} is ${this.status}.`)
  }
}
CleanupSchema.setClass(Cleanup)

function invalidDueAt(detail: string) {
  return cleanupProblems.CLEANUP_OPTIONS_INVALID(`dueAt ${detail}`, {
    errors: [{ pointer: '/dueAt', detail }],
  })
}
