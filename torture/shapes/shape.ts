import fc from 'fast-check'
import { keyTypes, plainTypes } from './values.ts'

/** How a restore goes about a reference; `plain`: a pointer that is no declared reference. */
export type Rule = 'skip' | 'null' | 'fail' | 'plain'

export interface PointerShape {
  rule: Rule
  deferrable: boolean
  /** Where it is deferrable and no rule empties it: NOT NULL, which makes cycles that only open for a moment. */
  required: boolean
  /** Which table it points at, taken modulo how many there are. */
  to: number
}

export interface ColumnShape {
  name: string
  type: string
  notNull: boolean
}

export interface TableShape {
  name: string
  /** Which of the tables before it is its parent, taken modulo how many there are. */
  parent: number
  /** Half as many as there are at most below each row of the parent; of the root an eighth. */
  rows: number
  primary: 'smallserial' | 'serial' | 'bigserial' | 'always' | 'by default' | 'uuid' | 'typed' | 'composite'
  keyTypes: string[]
  /** The dataset's key is not the primary key but another unique one: of the whole table, or among siblings. */
  natural: 'global' | 'siblings' | null
  /** Children point at that key and not at the primary key. */
  linkedByNatural: boolean
  partitions: 'range' | 'list' | 'hash' | null
  columns: ColumnShape[]
  unique: ColumnShape[]
  self: PointerShape | null
  across: PointerShape | null
  outward: PointerShape | null
  /** Rows outside the dataset point at some of its rows, with what becomes of them when those are deleted. */
  held: 'NO ACTION' | 'CASCADE' | 'SET NULL' | null
  position: boolean
  generated: 'STORED' | 'VIRTUAL' | null
  identity: 'ALWAYS' | 'BY DEFAULT' | null
  /** The default of a column that the dataset leaves out. */
  omitted: string | null
  protected: boolean
  ordered: number | null
  trigger: boolean
  cascade: boolean
  nullableParent: boolean
  /** By how many places its columns are turned. */
  turn: number
}

export interface Shape {
  schema: string
  tables: TableShape[]
  scope: 'all' | 'keys' | 'month' | 'period'
  /** What months and periods go by. */
  dates: 'date' | 'timestamp' | 'timestamptz'
  /** In which the snapshot is restored once more, to what the spoilt rows become by it. */
  mode: 'merge' | 'missing'
  /** All tables are emptied before the restore. */
  emptied: boolean
  /** Row-level security on one of the tables: the source's role owns it, or is not spared. */
  security: 'owner' | 'forced' | null
  /** Bytes of one value of one row. */
  large: number
  /** Rows come back in bulk: ten thousand and more, with their foreign keys' triggers off. */
  bulk: boolean
  seed: number
}

/** Names as people give them, names that stand for something in SQL or in the product, and anything else. */
const name = fc.oneof(
  { weight: 6, arbitrary: fc.stringMatching(/^[a-z][a-z_]{0,9}$/) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      ...[
        'r',
        's',
        't',
        't0',
        'n',
        'k',
        'rows',
        'tag',
        'key',
        'record',
        'select',
        'user',
        'order',
        'key',
        'id',
      ],
      ...[
        '_no',
        '_op',
        '_parent',
        '_record',
        '_top',
        '_r0_0',
        '_found0',
        'unresolved',
        'constructor',
        '1',
        '0',
      ],
      ...[
        'Mixed Case',
        'dot.ted',
        'qu"ote',
        "apo'strophe",
        'back\\slash',
        '$1',
        '%s',
        '😀',
        'ü',
        'holdfast_0',
      ],
    ),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }) },
  { weight: 1, arbitrary: fc.constantFrom('a name of sixty-three bytes ', 'Ünïcode über alles ').map(long) },
)

function long(text: string): string {
  return text.repeat(4)
}

const type = fc.constantFrom(...plainTypes)
const keyType = fc.constantFrom(...Object.keys(keyTypes))
/** Null twice as often as not, and what shrinks ends there. */
const rarely = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.oneof({ weight: 2, arbitrary: fc.constant(null) }, { weight: 1, arbitrary })
const pointer = fc.record({
  rule: fc.constantFrom<Rule>('plain', 'skip', 'null', 'fail'),
  deferrable: fc.boolean(),
  required: fc.boolean(),
  to: fc.nat(5),
})

const table: fc.Arbitrary<TableShape> = fc.record({
  name,
  parent: fc.nat(5),
  rows: fc.integer({ min: 0, max: 4 }),
  primary: fc.constantFrom(
    ...([
      'smallserial',
      'serial',
      'bigserial',
      'always',
      'by default',
      'uuid',
      'typed',
      'composite',
    ] as const),
  ),
  keyTypes: fc.array(keyType, { minLength: 1, maxLength: 2 }),
  natural: rarely(fc.constantFrom('global', 'siblings')),
  linkedByNatural: fc.boolean(),
  partitions: rarely(fc.constantFrom('range', 'list', 'hash')),
  columns: fc.array(fc.record({ name, type, notNull: fc.boolean() }), { maxLength: 7 }),
  unique: fc.array(fc.record({ name, type: keyType, notNull: fc.boolean() }), { maxLength: 2 }),
  self: rarely(pointer),
  across: rarely(pointer),
  outward: rarely(pointer),
  held: rarely(fc.constantFrom('NO ACTION', 'CASCADE', 'SET NULL')),
  position: fc.boolean(),
  generated: rarely(fc.constantFrom('STORED', 'VIRTUAL')),
  identity: rarely(fc.constantFrom('ALWAYS', 'BY DEFAULT')),
  omitted: rarely(fc.constant("'default'")),
  protected: fc.boolean(),
  ordered: rarely(fc.nat(9)),
  trigger: fc.boolean(),
  cascade: fc.boolean(),
  nullableParent: fc.boolean(),
  turn: fc.nat(9),
})

export interface Wanted {
  /** Bytes of one value of one row; 0 for none. */
  large?: number
  bulk?: boolean
}

/** Any dataset. */
export function shapes({ large = 0, bulk = false }: Wanted = {}): fc.Arbitrary<Shape> {
  const any = fc.record({
    schema: name,
    tables: fc.array(table, { minLength: bulk ? 2 : 1, maxLength: bulk ? 3 : 6, size: 'max' }),
    scope: fc.constantFrom(...(['all', 'all', 'keys', 'month', 'period'] as const)),
    dates: fc.constantFrom(...(['date', 'timestamp', 'timestamptz'] as const)),
    mode: fc.constantFrom(...(['merge', 'missing'] as const)),
    emptied: rarely(fc.constant(true)).map((emptied) => emptied ?? false),
    security: rarely(fc.constantFrom('owner', 'forced')),
    large: fc.constant(bulk ? 0 : large),
    bulk: fc.constant(bulk),
    seed: fc.nat(1_000_000),
  })
  return any.map((shape) => (bulk ? inBulk(shape) : large > 0 ? withLarge(shape) : shape))
}

/** Its root has a column that may have any size, and is in the scope. */
function withLarge(shape: Shape): Shape {
  const [root, ...below] = shape.tables
  const columns = [{ name: 'large', type: 'text', notNull: true }, ...root!.columns]
  return { ...shape, scope: 'all', tables: [{ ...root!, columns }, ...below] }
}

/** As many rows as it takes below each, in tables where nothing but foreign keys over whole numbers and UUIDs stands. */
function inBulk(shape: Shape): Shape {
  const rows = [500, 2, 1]
  const tables = shape.tables.map((table, i) => ({
    ...table,
    ...{
      rows: rows[i]!,
      partitions: null,
      protected: false,
      trigger: false,
      self: null,
      across: null,
      linkedByNatural: false,
    },
    primary: replaced.has(table.primary) ? ('serial' as const) : table.primary,
    omitted: "current_setting('session_replication_role')",
  }))
  return { ...shape, tables, scope: 'all', emptied: true }
}

/** Keys of other types, or with too few numbers. */
const replaced = new Set(['typed', 'composite', 'smallserial'])
