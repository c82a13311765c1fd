import fc from 'fast-check'
import { keyTypes, plainTypes } from './values.ts'

/** How a restore goes about a reference; `plain`: a pointer that is no declared reference. */
export type Rule = 'skip' | 'null' | 'fail' | 'plain'

export interface PointerShape {
  rule: Rule
  deferrable: boolean
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
  omitted: boolean
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
  scope: 'all' | 'keys'
  /** Row-level security on one of the tables: the source's role owns it, or is not spared. */
  security: 'owner' | 'forced' | null
  /** Bytes of one value of one row. */
  large: number
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
  omitted: fc.boolean(),
  protected: fc.boolean(),
  ordered: rarely(fc.nat(9)),
  trigger: fc.boolean(),
  cascade: fc.boolean(),
  nullableParent: fc.boolean(),
  turn: fc.nat(9),
})

/** Any dataset. @param large bytes of one value of one row; 0 for none */
export function shapes(large = 0): fc.Arbitrary<Shape> {
  return fc.record({
    schema: name,
    tables: fc.array(table, { minLength: 1, maxLength: 6, size: 'max' }),
    scope: fc.constantFrom('all', 'all', 'keys'),
    security: rarely(fc.constantFrom('owner', 'forced')),
    large: fc.constant(large),
    seed: fc.nat(1_000_000),
  })
}
