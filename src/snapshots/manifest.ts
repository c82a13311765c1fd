import type { Scope } from '../datasets/scope.ts'

/**
 * One zstd frame of a stored artifact: a whole number of the artifact's lines, so that any part can be read, hashed
 * and decompressed without the rest. All offsets and lengths in bytes.
 */
export interface Frame {
  /** Where the frame starts in the stored object, and its length there. */
  storedOffset: number
  storedBytes: number
  /** SHA-256 of what is stored, hex; absent in older ones. */
  storedSha256?: string
  /** Where its content starts in the uncompressed artifact, and its length there. */
  offset: number
  bytes: number
  /** SHA-256 of the frame's content, hex. */
  sha256: string
  /** Key of the first record that starts in this frame, or null when none does. */
  firstKey: KeyValue[] | null
  records: number
}

/** A key column's value as the artifact has it. */
export type KeyValue = string | number | boolean

/**
 * What lies beside an artifact in the store as `<key>.manifest.json`: written last on create and removed first on
 * delete, so that an artifact without one is known to be incomplete. The catalogue can be rebuilt from these alone.
 */
export interface Manifest {
  holdfast: 1
  id: string
  dataset: string
  scope: Scope
  trigger: string
  title: string | null
  note: string | null
  createdBy: string | null
  /** The restore that this snapshot makes undoable. */
  restoreId: string | null
  /** The cleanup that this snapshot makes undoable; manifests from before there were cleanups don't say. */
  cleanupId?: string | null
  createdAt: string
  takenAt: string
  /** When its stored bytes had been read again and found good. */
  finishedAt: string
  expiresAt: string | null
  /** Whether somebody chose that; absent in older ones. */
  expiryChosen?: boolean
  hold: boolean
  /** Rows per table, and declared stats. */
  counts: Record<string, number>
  stats: Record<string, unknown>
  /** The artifact's key in the store. */
  key: string
  /** SHA-256 of the uncompressed artifact, hex; its size; its size as stored. */
  sha256: string
  bytes: number
  storedBytes: number
  frames: Frame[]
}
