import type { KeyValue } from '../source/keys.ts'

/** Why a record or an object is left alone although the scope selects it. */
export type LeftCode =
  /** Its dataset protects it. */
  | 'PROTECTED'
  /** Somebody holds it. */
  | 'HELD'
  /** Rows that stay point at it. */
  | 'REFERENCED'
  /** Another cleanup that waits has it already. */
  | 'PLANNED'
  /** It is in the scope, and was not part of what the cleanup follows. */
  | 'UNDELIVERED'
  /** It is no longer as the captured copy has it. */
  | 'CHANGED'
  /** It was gone before, or no longer in the scope. */
  | 'GONE'
  /** The application was using it. */
  | 'LOCKED'
  /** The source, or one of its triggers, didn't let it be removed as planned. */
  | 'REFUSED'

export interface LeftAlone {
  key: KeyValue[]
  code: LeftCode
  detail: string
}

/** Rows that stay and point at rows of the scope: what they point at is left alone. */
export interface OutsideReferences {
  table: string
  constraint: string
  /** What PostgreSQL would do to them. */
  onDelete: string
  pointsAt: string
  rows: number
  records: number
}

/** What a cleanup of records would remove. */
export interface RecordsPlan {
  records: number
  /** Records of the scope that are left alone. */
  kept: number
  /** Rows by table. */
  tables: Record<string, { remove: number; keep: number }>
  sample: { key: KeyValue[]; label: string; rows: Record<string, number> }[]
  /** The first 200. */
  left: LeftAlone[]
  leftCounts: Partial<Record<LeftCode, number>>
  outside: OutsideReferences[]
  /** The application's triggers that fire on delete. */
  triggers: { table: string; trigger: string }[]
}

/** What a cleanup of files would remove. */
export interface FilesPlan {
  store: string
  objects: number
  bytes: number
  /** Named by the records, but not in the store. */
  missing: number
  /** Objects that are left alone. */
  kept: number
  sample: { key: string; bytes: number }[]
  left: LeftAlone[]
  leftCounts: Partial<Record<LeftCode, number>>
}

export interface PlanWarning {
  code: string
  detail: string
}
