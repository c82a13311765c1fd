import { defineEntity, p } from '@mikro-orm/core'
import type { Scope } from '../datasets/scope.ts'
import { identity } from '../platform/entity.ts'
import type { CapturedArtifact } from './artifact.ts'
import { snapshotProblems } from './errors.ts'
import { attemptKey } from './file-names.ts'

export const statuses = ['queued', 'generating', 'completed', 'failed', 'expired'] as const
export type SnapshotStatus = (typeof statuses)[number]

/** Why a snapshot was taken. The last two come from Holdfast itself, before it overwrites or removes rows. */
export const triggers = ['manual', 'pre_sync', 'scheduled', 'pre_restore', 'pre_cleanup'] as const
export type SnapshotTrigger = (typeof triggers)[number]

/** Why a snapshot failed: a problem's code, and what it said. */
export interface SnapshotError {
  code: string
  detail: string
}

/** What reading the stored bytes again showed. `sha256` is null when they could not be read as an artifact at all. */
export interface Verification {
  ok: boolean
  sha256: string | null
  bytes: number
  checkedAt: string
  problems: string[]
}

/** What may change at any time. Absent fields stay as they are. */
export interface SnapshotChanges {
  title?: string | null
  note?: string | null
  hold?: boolean
  expiresAt?: Date | null
}

const SnapshotSchema = defineEntity({
  name: 'Snapshot',
  tableName: 'snapshots',
  properties: {
    ...identity,
    dataset: p.text(),
    scope: p.json<Scope>(),
    trigger: p.enum(triggers),
    status: p.enum(statuses),
    title: p.text().strictNullable(),
    note: p.text().strictNullable(),
    hold: p.boolean(),
    expiresAt: p.datetime().strictNullable(),
    /** Somebody chose `expiresAt`, null for never. Otherwise it is what the dataset's retention said at the time. */
    expiryChosen: p.boolean().default(false),
    createdBy: p.text().strictNullable(),
    createdAt: p.datetime(),
    startedAt: p.datetime().strictNullable(),
    finishedAt: p.datetime().strictNullable(),
    /** How often taking it was begun. Also the fence: only the latest attempt may change the row. */
    attempts: p.integer(),
    progressRecords: p.bigint('number'),
    progressBytes: p.bigint('number'),
    takenAt: p.datetime().strictNullable(),
    /** Where the latest attempt's artifact is stored, or will be. */
    key: p.text(),
    sha256: p.text().strictNullable(),
    bytes: p.bigint('number').strictNullable(),
    storedBytes: p.bigint('number').strictNullable(),
    counts: p.json<Record<string, number>>(),
    stats: p.json<Record<string, unknown>>(),
    /** SHA-256 of the manifest's frames as JSON: ties the manifest in the store to this row. */
    framesSha256: p.text().strictNullable(),
    verifiedAt: p.datetime().strictNullable(),
    lastVerification: p.json<Verification>().strictNullable(),
    error: p.json<SnapshotError>().strictNullable(),
    /** The restore that this snapshot makes undoable. */
    restoreId: p.uuid().strictNullable(),
    /** The cleanup that this snapshot makes undoable. */
    cleanupId: p.uuid().strictNullable(),
    /** The store has yet to be brought in line with this row; see settle-store.ts. */
    storeDue: p.boolean(),
    /** Deleted, but its bytes may still have to go: in no list, and the row goes with them. */
    deletedAt: p.datetime().strictNullable(),
  },
})

/** What a snapshot has before anything of it is taken. */
export const untaken = {
  startedAt: null,
  finishedAt: null,
  attempts: 0,
  progressRecords: 0,
  progressBytes: 0,
  takenAt: null,
  sha256: null,
  bytes: null,
  storedBytes: null,
  counts: {},
  stats: {},
  framesSha256: null,
  verifiedAt: null,
  lastVerification: null,
  error: null,
  storeDue: false,
  deletedAt: null,
}

/** An immutable, verified copy of a scope at one instant, and the way there. */
export class Snapshot extends SnapshotSchema.class {
  isUnfinished(): boolean {
    return this.status === 'queued' || this.status === 'generating'
  }

  /** Failed because its stored bytes are not what was written. They are kept, and may be verified again. */
  isCorrupt(): boolean {
    return this.status === 'failed' && this.error?.code === 'SNAPSHOT_CORRUPT'
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

  /** @param artifact stored, read back and found good; its manifest is written */
  complete(artifact: CapturedArtifact, framesSha256: string, now: Date): void {
    const { takenAt, counts, stats, sha256, bytes, storedBytes } = artifact
    Object.assign(this, { takenAt, counts, stats, sha256, bytes, storedBytes, framesSha256 })
    this.status = 'completed'
    this.finishedAt = now
    this.verifiedAt = now
    this.lastVerification = { ok: true, sha256, bytes, checkedAt: now.toISOString(), problems: [] }
  }

  /** Nothing was kept: what the attempts left in the store has to go. */
  fail(error: SnapshotError, now: Date): void {
    this.status = 'failed'
    this.error = error
    this.finishedAt = now
    this.storeDue = this.attempts > 0
  }

  /** A completed snapshot that is found corrupt is one no longer, and is one again when its bytes are back. */
  verified(result: Verification): void {
    this.lastVerification = result
    if (result.ok) {
      // Meanwhile its description may have changed, which the manifest has to tell.
      this.storeDue ||= this.isCorrupt()
      this.verifiedAt = new Date(result.checkedAt)
      this.status = 'completed'
      this.error = null
    } else {
      this.status = 'failed'
      this.error = { code: 'SNAPSHOT_CORRUPT', detail: result.problems.join('; ') }
    }
  }

  /** @throws Problem SNAPSHOT_NOT_COMPLETED for a hold on a snapshot that keeps nothing */
  change({ title, note, hold, expiresAt }: SnapshotChanges): void {
    const empty = this.status === 'expired' || (this.status === 'failed' && !this.isCorrupt())
    if (hold === true && empty) throw this.notCompleted()
    if (title !== undefined) this.title = title
    if (note !== undefined) this.note = note
    if (hold !== undefined) this.hold = hold
    if (expiresAt !== undefined) {
      this.expiresAt = expiresAt
      this.expiryChosen = true
    }
    this.storeDue ||= this.status === 'completed'
  }

  /** Its bytes go, the description stays. @throws Problem SNAPSHOT_HELD, SNAPSHOT_NOT_COMPLETED */
  expire(): void {
    this.refuseWhenHeld()
    if (this.status !== 'completed') throw this.notCompleted()
    this.status = 'expired'
    this.storeDue = true
  }

  /** @throws Problem SNAPSHOT_HELD, SNAPSHOT_UNFINISHED */
  delete(now: Date): void {
    this.refuseWhenHeld()
    if (this.isUnfinished())
      throw snapshotProblems.SNAPSHOT_UNFINISHED(`Snapshot ${this.id} is ${this.status}.`)
    this.deletedAt = now
    this.storeDue = true
  }

  /** @throws Problem SNAPSHOT_CORRUPT, SNAPSHOT_NOT_COMPLETED unless its content can be relied on */
  requireCompleted(): CompletedSnapshot {
    if (this.isCorrupt()) throw snapshotProblems.SNAPSHOT_CORRUPT(this.error?.detail ?? '')
    if (!isCompleted(this)) throw this.notCompleted()
    return this
  }

  private notCompleted() {
    return snapshotProblems.SNAPSHOT_NOT_COMPLETED(`Snapshot ${this.id} is ${this.status}.`)
  }

  private refuseWhenHeld(): void {
    if (this.hold) throw snapshotProblems.SNAPSHOT_HELD(`Snapshot ${this.id} is on hold.`)
  }
}
SnapshotSchema.setClass(Snapshot)

/** A snapshot whose bytes are in the store under `key`. */
export type CompletedSnapshot = Snapshot & {
  takenAt: Date
  sha256: string
  bytes: number
  storedBytes: number
  framesSha256: string
}

function isCompleted(snapshot: Snapshot): snapshot is CompletedSnapshot {
  return snapshot.status === 'completed'
}
