import { defineEntity, p } from '@mikro-orm/core'
import { identity } from '../platform/entity.ts'
import type { KeyValue } from '../snapshots/manifest.ts'
import { restoreProblems } from './errors.ts'
import { modes, type Operations, type Plan, type PlanWarning } from './plan.ts'

export const statuses = ['planning', 'planned', 'applying', 'completed', 'failed', 'cancelled'] as const
export type RestoreStatus = (typeof statuses)[number]

/** What was done, of records and of rows by table. */
export interface RestoreCounts extends Operations {
  tables: Record<string, Operations>
}

export interface RestoreError {
  code: string
  detail: string
  /** Records that moved since the plan, for PLAN_DRIFTED. */
  moved?: KeyValue[][]
}

export interface RestoreProgress {
  phase: 'comparing' | 'capturing' | 'writing'
  records: number
}

const RestoreSchema = defineEntity({
  name: 'Restore',
  tableName: 'restores',
  properties: {
    ...identity,
    dataset: p.text(),
    snapshotId: p.uuid(),
    mode: p.enum(modes),
    /** Only these records; null for all that the snapshot holds. */
    keys: p.json<KeyValue[][]>().strictNullable(),
    /** The restore that this one takes back. */
    undoes: p.uuid().strictNullable(),
    status: p.enum(statuses),
    plan: p.json<Plan>().strictNullable(),
    planHash: p.text().strictNullable(),
    preRestoreSnapshotId: p.uuid().strictNullable(),
    counts: p.json<RestoreCounts>().strictNullable(),
    warnings: p.json<PlanWarning[]>(),
    progress: p.json<RestoreProgress>().strictNullable(),
    error: p.json<RestoreError>().strictNullable(),
    createdBy: p.text().strictNullable(),
    createdAt: p.datetime(),
    startedAt: p.datetime().strictNullable(),
    finishedAt: p.datetime().strictNullable(),
    /** How often planning or applying was begun. Also the fence: only the latest may change the row. */
    attempts: p.integer(),
    /** The source's transaction, recorded before it commits: its status tells afterwards whether it did. */
    sourceTransaction: p.text().strictNullable(),
    sourceBackend: p.integer().strictNullable(),
  },
})

/** Putting records back from a snapshot: planned, then applied, and undone by another restore. */
export class Restore extends RestoreSchema.class {
  isUnfinished(): boolean {
    return this.status === 'planning' || this.status === 'applying'
  }

  planned(plan: Plan, now: Date): void {
    this.status = 'planned'
    this.plan = plan
    this.planHash = plan.hash
    this.warnings = plan.warnings
    this.progress = null
    this.finishedAt = now
  }

  /** @throws Problem RESTORE_NOT_PLANNED, PLAN_REQUIRED, PLAN_DRIFTED, RESTORE_BLOCKED */
  apply(planHash: string | undefined, now: Date): void {
    if (this.status !== 'planned')
      throw restoreProblems.RESTORE_NOT_PLANNED(`Restore ${this.id} is ${this.status}.`)
    if (planHash === undefined)
      throw restoreProblems.PLAN_REQUIRED('The body must have the planHash of the plan.')
    if (planHash !== this.planHash)
      throw restoreProblems.PLAN_DRIFTED('The planHash is not the one of this plan.')
    const [blocker] = this.plan!.blockers
    if (blocker !== undefined)
      throw restoreProblems.RESTORE_BLOCKED(blocker.detail, { extensions: { blockers: this.plan!.blockers } })
    this.status = 'applying'
    this.startedAt = now
    this.finishedAt = null
  }

  /** @param preRestoreSnapshotId null when nothing had to be changed */
  complete(
    counts: RestoreCounts,
    warnings: PlanWarning[],
    preRestoreSnapshotId: string | null,
    now: Date,
  ): void {
    this.status = 'completed'
    this.counts = counts
    this.warnings = warnings
    this.preRestoreSnapshotId = preRestoreSnapshotId
    this.progress = null
    this.finishedAt = now
  }

  fail(error: RestoreError, now: Date): void {
    this.status = 'failed'
    this.error = error
    this.progress = null
    this.finishedAt = now
  }

  /** Until the moment of the source's commit. @returns false when it is too late or was done already */
  cancel(now: Date): boolean {
    const over = this.status === 'completed' || this.status === 'failed' || this.status === 'cancelled'
    if (over || this.sourceTransaction !== null) return false
    this.status = 'cancelled'
    this.progress = null
    this.finishedAt = now
    return true
  }

  /** @throws Problem RESTORE_NOT_UNDOABLE @returns the safety snapshot to go back to */
  requireUndoable(): string {
    if (this.status !== 'completed' || this.preRestoreSnapshotId === null) {
      const why = this.status === 'completed' ? 'changed nothing' : `is ${this.status}`
      throw restoreProblems.RESTORE_NOT_UNDOABLE(`Restore ${this.id} ${why}.`)
    }
    return this.preRestoreSnapshotId
  }
}
RestoreSchema.setClass(Restore)
