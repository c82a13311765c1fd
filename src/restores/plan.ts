import type { Field } from '../snapshots/diff-record.ts'
import type { KeyValue } from '../snapshots/manifest.ts'

/**
 * How far a restore goes. `replace`: the scope becomes what the snapshot has, what was added since is deleted.
 * `merge`: rows come back and change back, nothing is deleted. `missing`: only what is gone comes back.
 */
export const modes = ['replace', 'merge', 'missing'] as const
export type Mode = (typeof modes)[number]

/** Counts of rows of one table, or of records. `skip`: left alone by a rule, each time with a warning. */
export interface Operations {
  create: number
  update: number
  delete: number
  keep: number
  skip: number
}

/** A decision that somebody should know about. */
export interface PlanWarning {
  code: string
  table: string
  /** Of the record. */
  key: KeyValue[] | null
  detail: string
}

export interface SampleRecord {
  key: KeyValue[]
  label: string
  change: 'create' | 'update' | 'delete'
  rows: {
    table: string
    change: 'create' | 'update' | 'delete'
    fields: { name: string; before: Field; after: Field }[]
  }[]
}

/** What a restore would do. */
export interface Plan {
  /** Of records. */
  operations: Operations
  /** Of rows, by table. */
  tables: Record<string, Operations>
  warnings: PlanWarning[]
  /** All of them; `warnings` lists the first thousand. */
  warningCount: number
  /** Why it cannot be applied as it is; empty when it can. */
  blockers: PlanWarning[]
  sample: SampleRecord[]
  /** SHA-256, hex, over everything that is to change and what decided about it. */
  hash: string
  /** The first thousand records to change, each with a digest of both sides, so that a drift can be named. */
  differences: [key: KeyValue[], digest: string][]
  /** Records to change. */
  differing: number
}
