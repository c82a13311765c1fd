/** How a value is rendered in artifacts and brought back; see docs/datasets.md, "Values". */
export type Encoding =
  /** Built-in scalar whose row_to_json form is exact: text, uuid, boolean, int2, int4, floats, dates, enums … */
  | 'native'
  /** `column::text`: int8, numeric, json, jsonb, arrays, composites, money … */
  | 'text'
  /** Through the type's output function: extension types, which may have a lossy cast to text or a cast to json. */
  | 'output'

/** The order that both the source and an artifact sort a key column in, so that two streams can be merged. */
export type KeyOrder =
  /** By number: int2, int4, int8. */
  | 'integer'
  /** uuid: the column's own order, which is the order of its text. */
  | 'uuid'
  /** float4, float8: by number, NaN last. */
  | 'float'
  /** Everything else: by the bytes of its text (`COLLATE "C"`). */
  | 'text'

/** Whose operators tell whether two values of a type are equal and which comes first; null: it has no order. */
export type Comparison = 'built-in' | 'own' | null

export interface Column {
  name: string
  /** Full type as `format_type` prints it, quoted and schema-qualified where needed; safe to put into SQL as it is. */
  type: string
  typeOid: number
  /** The column's type with domains resolved, as `pg_type.typname`; the user's own with their schema (`int8`, `_text`,
   * `public.my_enum`). */
  baseType: string
  notNull: boolean
  /** `GENERATED ALWAYS AS (…)`, stored or virtual: never captured, never written. */
  generated: boolean
  identity: 'always' | 'by default' | null
  /** The default's expression from the catalog, or null. Identity columns: the nextval call of their sequence. */
  default: string | null
  encoding: Encoding
  keyOrder: KeyOrder
  comparison: Comparison
  /** Why this type can't come back exactly, or null when it can. */
  refusal: string | null
}

export interface ForeignKey {
  name: string
  /** The table that has the constraint and its columns, and the table and columns it points at; same length. */
  table: TableName
  columns: string[]
  references: TableName
  referencedColumns: string[]
  onDelete: 'no action' | 'restrict' | 'cascade' | 'set null' | 'set default'
  deferrable: boolean
  /** False for one that is NOT VALID or NOT ENFORCED: there may be rows that don't keep to it. */
  valid: boolean
}

export interface TableName {
  schema: string
  name: string
}

export interface Table extends TableName {
  oid: number
  kind: 'table' | 'partitioned'
  columns: Column[]
  primaryKey: string[]
  /** Every unique constraint or full unique index over plain columns, the primary key included. `deferrable` ones too. */
  uniqueKeys: string[][]
  /** Constraints this table has. For partitioned tables those of the parent only. */
  foreignKeys: ForeignKey[]
  /** Constraints of other tables (or itself) that point here. */
  referencedBy: ForeignKey[]
  /** True for a partition; its partitioned table is what a dataset names. */
  partition: boolean
  /** True when other tables inherit from this one (INHERITS, not partitions): reading it reads their rows too. */
  inherited: boolean
  /** True when row-level security would apply to the connected role. */
  rowSecurity: boolean
  /** From the statistics; tells thousands from millions, no more. */
  estimatedRows: number
}

/** What has a name like a table but is none, so that a refusal can say what it is. */
export type OtherRelation = 'view' | 'materialized view' | 'foreign table' | 'sequence'

/** A source's tables, keyed `schema.name` exactly as the catalog has them (unquoted). System schemas are left out. */
export interface Catalog {
  tables: Map<string, Table>
  /** Keyed like `tables`. */
  others: Map<string, OtherRelation>
  /** The database's encoding (`UTF8`). */
  encoding: string
  /** As `server_version_num`: 180004. */
  serverVersion: number
  readAt: Date
}
