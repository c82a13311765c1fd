import type { Column, Table } from '../source/catalog.ts'
import type { Policies } from './policies.ts'

/** What becomes of a row whose reference points at something that no longer exists when it is restored. */
export type MissingRule = 'skip' | 'null' | 'fail'

/** Columns of a row that belong to another table's row, stored by that row's stable key. */
export interface Reference {
  /** The pointing columns, in the order of `referencedColumns`. The first names the field in the artifact. */
  columns: Column[]
  table: Table
  /** What `columns` hold: the referenced table's internal key. */
  referencedColumns: Column[]
  /** The stable key that is stored instead; unique in `table`. */
  key: Column[]
  missing: MissingRule
  /** Further columns of the referenced row, for readers only: never restored, never compared. */
  include: Column[]
  /** True when the referenced table is itself a table of this dataset, so that its rows may be restored along. */
  within: boolean
}

/** One table of a dataset, resolved against the catalog: everything capture, compare and restore need to know. */
export interface TableNode {
  /** The table's name in counts and plans: `schema.table`. */
  name: string
  /** The field that holds its rows in the parent's JSON; the root's is its table name. */
  as: string
  table: Table
  /** The root's own key, or what tells a child row from its siblings (parent columns are left out of it). */
  key: Column[]
  /** Columns in the artifact, in the table's column order, references and keys included; without generated,
   * omitted, parent and internal columns. */
  columns: Column[]
  /** Primary key columns that stay out of the artifact and get a new value when a row is created. */
  internal: Column[]
  /** Columns left out by `omit`: neither captured nor written when a row is updated. */
  omitted: Column[]
  references: Reference[]
  /** Null for the root. `columns[i]` of this table equals `parentColumns[i]` of the parent's. */
  parent: { node: TableNode; columns: Column[]; parentColumns: Column[] } | null
  /** Column that children are listed by within their parent, before their key. Roots always go by their key. */
  order: Column | null
  children: TableNode[]
}

/** The first table has these on top. */
export interface RootNode extends TableNode {
  label: Column
  dates: Column | null
  protect: Column | null
}

/** A dataset that loaded and resolved; see datasets.md. */
export interface Dataset {
  name: string
  title: string
  description: string
  source: string
  root: RootNode
  /** The declaration as written, after `${NAME:-default}`, without secrets: goes into artifacts as `definition`. */
  declaration: Declaration
  /** Policies as declared, secrets included: never for artifacts, answers or logs. */
  policies: Policies
  stats: Stat[]
  files: Files | null
  parties: Parties | null
  /** Columns of the records that Holdfast itself writes, in addition to what it restores. */
  notes: { snapshotAt: Column | null; cleanupScheduledAt: Column | null }
  /** In which months and plain dates are taken. */
  timezone: string
  /** The file's name, without its folder. */
  file: string
}

/** A named figure of a snapshot: rows counted, or a number column added up. */
export interface Stat {
  name: string
  kind: 'count' | 'sum'
  node: TableNode
  /** What `sum` adds up. */
  column: Column | null
  /** All must hold. */
  where: StatCondition[]
  /** One figure for each of its values instead of one in all. */
  by: Column | null
}

export interface StatCondition {
  column: Column
  /** True: any value, false: NULL, a list: one of these, compared with the value's text in the artifact. */
  is: boolean | string[]
}

/** Which objects of one of the application's stores belong to the records. */
export interface Files {
  /** Name of the store, as in HOLDFAST_STORE_<NAME>_URL, lower case. */
  store: string
  node: TableNode
  key: Column
  name: Column | null
  size: Column | null
  sha256: Column | null
  /** Folder at the destination: text, and values of the file's row or of its record. Empty: no folder. */
  folder: (string | { of: 'row' | 'record'; column: Column })[]
  /** As declared; null: the default. */
  cleanupAfter: string | null
}

/** People whom the records themselves name, and what their roles may do. */
export interface Parties {
  node: TableNode
  email: Column
  role: Column
  /** Roles by action. */
  permissions: Record<PartyAction, string[]>
}

export const partyActions = ['list', 'view', 'download', 'create', 'delete'] as const
export type PartyAction = (typeof partyActions)[number]

/** The YAML's `records` and `children`, as declared. */
export interface TableDeclaration {
  table: string
  as?: string
  key?: string | string[]
  parent?: string | string[]
  label?: string
  dates?: string
  protect?: string
  omit?: string[]
  order?: string
  references?: Record<string, ReferenceDeclaration>
  children?: TableDeclaration[]
}

export interface ReferenceDeclaration {
  table: string
  key: string | string[]
  missing?: MissingRule
  include?: string[]
}

export interface Declaration extends Policies {
  dataset: string
  title?: string
  description?: string
  source?: string
  timezone?: string
  records: TableDeclaration
}
