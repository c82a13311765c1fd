import { defineEntity, p } from '@mikro-orm/core'
import type { Scope } from '../datasets/scope.ts'
import { identity } from '../platform/entity.ts'
import { exportProblems } from './errors.ts'
import { attemptKey } from './file-names.ts'
import type { ExportColumns, ExportFormat } from './rendering.ts'
import { formats } from './rendering.ts'

export const statuses = ['queued', 'generating', 'completed', 'failed', 'expired'] as const
export type ExportStatus = (typeof statuses)[number]

/** Why an export failed: a problem's code, and what it said. */
export interface ExportError {
  code: string
  detail: string
}

/** What the gate said when the export was asked for. */
export interface GateRecord {
  skipped: boolean
  snapshotId: string | null
  snapshotAt: string | null
}

/** A file that was rendered and stored. */
export interface StoredExport {
  takenAt: Date
  /** Rows by table. */
  counts: Record<string, number>
  columns: ExportColumns
  sha256: string
  bytes: number
}

const ExportSchema = defineEntity({
  name: 'Export',
  tableName: 'exports',
  properties: {
    ...identity,
    dataset: p.text(),
    scope: p.json<Scope>(),
    format: p.enum(formats),
    includeChildren: p.boolean(),
    title: p.text().strictNullable(),
    status: p.enum(statuses),
    expiresAt: p.datetime().strictNullable(),
    createdBy: p.text().strictNullable(),
    createdAt: p.datetime(),
    startedAt: p.datetime().strictNullable(),
    finishedAt: p.datetime().strictNullable(),
    /** How often it was begun. Also the fence: only the latest attempt may change the row. */
    attempts: p.integer(),
    progressRecords: p.bigint('number'),
    progressBytes: p.bigint('number'),
    takenAt: p.datetime().strictNullable(),
    /** Where the latest attempt's file is stored, or will be. */
    key: p.text(),
    sha256: p.text().strictNullable(),
    bytes: p.bigint('number').strictNullable(),
    counts: p.json<Record<string, number>>(),
    columns: p.json<ExportColumns>(),
    gate: p.json<GateRecord>().strictNullable(),
    error: p.json<ExportError>().strictNullable(),
    /** The store has yet to be brought in line with this row; see settle-store.ts. */
    storeDue: p.boolean(),
    /** Deleted, but its bytes may still have to go: in no list, and the row goes with them. */
    deletedAt: p.datetime().strictNullable(),
  },
})

/** What an export has before anything of it is made. */
export const unmade = {
  startedAt: null,
  finishedAt: null,
  attempts: 0,
  progressRecords: 0,
  progressBytes: 0,
  takenAt: null,
  sha256: null,
  bytes: null,
  counts: {},
  columns: {},
  error: null,
  storeDue: false,
  deletedAt: null,
}

/** A scope rendered as a file for people or other programs, and the way there. */
export class Export extends ExportSchema.class {
  isUnfinished(): boolean {
    return this.status === 'queued' || this.status === 'generating'
  }

  /** Begins a new attempt, whatever became of the one before. */
  generate(now: Date): void {
    this.status = 'generating'
    this.attempts += 1
    this.key = attemptKey(this.key, this.attempts)
    this.startedAt = now
    this.progressRecords = 0
    this.progressBytes = 0
  }

  /** Its turn comes again: the service is stopping. */
  requeue(): void {
    this.status = 'queued'
  }

  /** @param stored read back and found good; its manifest is written */
  complete({ takenAt, counts, columns, sha256, bytes }: StoredExport, now: Date): void {
    Object.assign(this, { takenAt, counts, columns, sha256, bytes })
    this.status = 'completed'
    this.finishedAt = now
  }

  /** Nothing was kept: what the attempts left in the store has to go. */
  fail(error: ExportError, now: Date): void {
    this.status = 'failed'
    this.error = error
    this.finishedAt = now
    this.storeDue = this.attempts > 0
  }

  /** Its bytes go, the description stays. @throws Problem EXPORT_NOT_COMPLETED */
  expire(): void {
    this.requireCompleted()
    this.status = 'expired'
    this.storeDue = true
  }

  /** @throws Problem EXPORT_UNFINISHED */
  delete(now: Date): void {
    if (this.isUnfinished()) throw exportProblems.EXPORT_UNFINISHED(`Export ${this.id} is ${this.status}.`)
    this.deletedAt = now
    this.storeDue = true
  }

  /** @throws Problem EXPORT_NOT_COMPLETED unless it has content */
  requireCompleted(): CompletedExport {
    if (isCompleted(this)) return this
    const why = this.error === null ? '' : `: ${this.error.detail}`
    throw exportProblems.EXPORT_NOT_COMPLETED(`Export ${this.id} is ${this.status}${why || '.'}`)
  }
}
ExportSchema.setClass(Export)

/** An export whose file is in the store under `key`. */
export type CompletedExport = Export & { takenAt: Date; sha256: string; bytes: number }

function isCompleted(one: Export): one is CompletedExport {
  return one.status === 'completed'
}

export type { ExportFormat }
