import type { Declaration, ReferenceDeclaration, TableDeclaration } from '../../src/datasets/definition.ts'
import { Names, plainOf, quote } from './names.ts'
import { addPointers } from './pointers.ts'
import type { Shape, TableShape } from './shape.ts'
import { handedOn, keyValue, plainValue, unordered } from './values.ts'

/** A column; `value` is SQL for the row of a number, null where the row gets its default or is filled in later. */
export interface Column {
  name: string
  type: string
  notNull: boolean
  /** What follows name and type in CREATE TABLE. */
  clause: string
  value: ((n: number, pick: number) => string) | null
  /** An application may change it in a row that stays. */
  changes: boolean
}

export interface Pointer {
  columns: Column[]
  target: Table
  targets: Column[]
  /** Null: a pointer that no reference is declared for. */
  reference: ReferenceDeclaration | null
  clause: string
  /** It becomes NOT NULL once every row points at something. */
  required: boolean
}

/** A table outside the dataset has no place in it, and none of what goes with that. */
export interface Table {
  schema: string
  name: string
  shape: TableShape
  parent: Table | null
  depth: number
  columns: Column[]
  primary: Column[]
  /** What the dataset tells its rows apart by, without the parent's columns. */
  key: Column[]
  /** That key says which row of the whole table it is. */
  global: boolean
  /** Primary key columns that the artifact leaves out. */
  internal: Column[]
  /** What children point at. */
  linked: Column[]
  /** To the parent, the columns of `linked` there. */
  parentColumns: Column[]
  partition: Column | null
  unique: Column[][]
  pointers: Pointer[]
  omitted: Column[]
  order: Column | null
  protect: Column | null
  /** The root's, by which it has months. */
  dates: Column | null
}

export interface Model {
  schema: string
  tables: Table[]
  /** People that rows point at. */
  people: string
  /** Rows outside that point at rows of tables. */
  holders: { name: string; table: Table; onDelete: string }[]
  shape: Shape
}

/** Makes tables and a dataset of a shape. */
export function modelOf(shape: Shape): Model {
  const given = new Names()
  const schema = `${given.give(`s ${shape.schema}`)}`
  const tables: Table[] = []
  for (const [i, one] of shape.tables.entries()) {
    let parent = i === 0 ? null : tables[one.parent % i]!
    while (parent !== null && parent.depth > 2) parent = parent.parent
    tables.push(tableOf(schema, given.give(one.name), one, parent, shape.dates))
  }
  for (const table of tables) addPointers(table, tables)
  for (const table of tables) turn(table)
  const holders = tables.flatMap((table) => {
    const { held } = table.shape
    return held === null ? [] : [{ name: given.give('holder'), table, onDelete: held }]
  })
  return { schema, tables, people: 'people', holders, shape }
}

function tableOf(
  schema: string,
  name: string,
  shape: TableShape,
  parent: Table | null,
  dates: Shape['dates'],
): Table {
  const columns = new Columns(shape)
  const parentColumns = parent === null ? [] : columns.parent(parent)
  const partition = shape.partitions === null ? null : columns.partition()
  const primary = columns.primary(parentColumns)
  const natural = columns.natural()
  const parts = partition === null ? [] : [partition]
  const ofRoot = parent === null
  const own = primary.filter((column) => !parentColumns.includes(column))
  const key = natural.length > 0 ? [...natural, ...parts] : [...own, ...parts]
  const global =
    natural.length > 0 ? ofRoot || shape.natural === 'global' : shape.primary !== 'composite' || ofRoot
  const internal = natural.length > 0 ? own.filter((column) => !parts.includes(column)) : []
  const uniques = columns.unique().map((column) => [column, ...parts])
  if (natural.length > 0) uniques.push([...(global ? [] : parentColumns), ...key])
  const position = shape.position ? columns.position() : null
  if (position !== null && parent !== null) uniques.push([...parentColumns, position, ...parts])
  const orders = [...columns.plain(), ...(position ? [position] : [])].filter(
    ({ type }) => !unordered.has(type),
  )
  const linked = shape.linkedByNatural && natural.length > 0 && global ? key : [...primary, ...parts]
  return {
    ...{ schema, name, shape, parent, depth: parent === null ? 0 : parent.depth + 1, columns: columns.all },
    ...{ primary: [...primary, ...parts], key, global, internal, linked, parentColumns, partition },
    ...{
      unique: uniques,
      pointers: [],
      omitted: columns.omitted(),
      protect: ofRoot ? columns.protect() : null,
      dates: ofRoot ? columns.dates(dates) : null,
    },
    order: shape.ordered === null ? null : (orders[shape.ordered % orders.length] ?? null),
  }
}

/** The columns of a table in the making. */
class Columns {
  readonly all: Column[] = []
  #names = new Names()
  #shape: TableShape

  constructor(shape: TableShape) {
    this.#shape = shape
  }

  #add(name: string, type: string, column: Partial<Column>): Column {
    const made = { type, notNull: false, clause: '', value: null, changes: false, ...column }
    this.all.push({ name: this.#names.give(name), ...made })
    return this.all.at(-1)!
  }

  parent(parent: Table): Column[] {
    const notNull = !this.#shape.nullableParent || this.#shape.primary === 'composite'
    return parent.linked.map(({ name, type }, i) =>
      this.#add(i === 0 ? `${parent.name} ${name}` : name, plainOf(type), { notNull }),
    )
  }

  partition(): Column {
    return this.#add('part', 'integer', { notNull: true, value: (n) => `${n % 4}` })
  }

  primary(parentColumns: Column[]): Column[] {
    const { primary } = this.#shape
    const notNull = true
    if (primary === 'uuid') {
      const value = (n: number) => `md5('id ${n}')::uuid`
      return [this.#add('id', 'uuid', { notNull, value, clause: 'DEFAULT gen_random_uuid()' })]
    }
    if (primary === 'typed' || (primary === 'composite' && parentColumns.length === 0))
      return this.#shape.keyTypes.map((type, i) => this.#key(`code${i}`, type))
    if (primary === 'composite')
      return [...parentColumns, this.#add('no', 'integer', { notNull, value: (n) => `${n}` })]
    const generated = {
      always: 'GENERATED ALWAYS AS IDENTITY',
      'by default': 'GENERATED BY DEFAULT AS IDENTITY',
    }
    if (primary === 'always' || primary === 'by default')
      return [this.#add('id', 'bigint', { notNull, clause: generated[primary] })]
    return [this.#add('id', primary, { notNull })]
  }

  #key(name: string, type: string): Column {
    return this.#add(name, type, { notNull: true, value: (n) => keyValue(type, n) })
  }

  /** Where the primary key has a default, so that rows can be created without it. */
  natural(): Column[] {
    const { natural, primary, keyTypes } = this.#shape
    if (natural === null || primary === 'typed' || primary === 'composite') return []
    return keyTypes.map((type, i) => this.#key(`natural ${i}`, type))
  }

  unique(): Column[] {
    return this.#shape.unique.map(({ name, type, notNull }) =>
      this.#add(name, type, {
        ...{ notNull: notNull && handedOn.includes(type), value: (n) => keyValue(type, n), changes: true },
      }),
    )
  }

  position(): Column {
    const value = (n: number) => `${n}`
    return this.#add('position', 'integer', { notNull: true, value, clause: 'CHECK (0 < @)', changes: true })
  }

  plain(): Column[] {
    const { columns, generated, identity } = this.#shape
    const plain = columns.map(({ name, type, notNull }) => {
      const value = (n: number, pick: number) => (notNull || pick % 7 > 0 ? plainValue(type, pick) : 'NULL')
      const clause = notNull && type === 'text' ? "DEFAULT E'by \\\\ default'" : ''
      return this.#add(name, type, { notNull, value, clause, changes: true })
    })
    const number = this.#add('number', 'integer', { value: (n, pick) => `${pick % 1000}`, changes: true })
    if (generated !== null)
      this.#add('twice', 'integer', {
        clause: `GENERATED ALWAYS AS (${quote(number.name)} * 2) ${generated}`,
      })
    if (identity !== null)
      this.#add('counted', 'bigint', { notNull: true, clause: `GENERATED ${identity} AS IDENTITY` })
    return [...plain, number]
  }

  omitted(): Column[] {
    const { omitted } = this.#shape
    if (omitted === null) return []
    return [this.#add('omitted', 'text', { notNull: true, clause: `DEFAULT ${omitted}` })]
  }

  /** A day of the root's first rows each, from the middle of January 2026 on. */
  dates(type: string): Column {
    return this.#add('made at', type, {
      notNull: true,
      value: (n) => `CAST(date '2026-01-15' + ${n % 60} AS ${type})`,
    })
  }

  protect(): Column | null {
    if (!this.#shape.protected) return null
    return this.#add('is_protected', 'boolean', { notNull: true, clause: 'DEFAULT false' })
  }
}

function turn(table: Table): void {
  const at = table.shape.turn % table.columns.length
  table.columns = [...table.columns.slice(at), ...table.columns.slice(0, at)]
}

/** The dataset file of a model. */
export function declarationOf({ tables, shape }: Model): Declaration {
  const gate = { export: false, delivery: false, delete: false, cleanup: false, sync: false } as const
  const records = declare(tables[0]!, tables, shape)
  return { dataset: 'shape', timezone: 'UTC', gate, records } as Declaration
}

function declare(table: Table, tables: Table[], shape: Shape): TableDeclaration {
  const { parent, key, parentColumns, internal, omitted, order, protect, dates } = table
  const references = table.pointers.flatMap(({ columns, reference }) =>
    reference === null ? [] : [[columns[0]!.name, reference] as const],
  )
  const children = tables.filter((other) => other.parent === table)
  const named = (columns: Column[]) => columns.map(({ name }) => name)
  return {
    table: `${table.schema}.${table.name}`,
    ...(parent !== null && { as: `c${tables.indexOf(table)}`, parent: named(parentColumns) }),
    ...((internal.length > 0 || table.shape.turn % 2 === 0) && { key: named(key) }),
    ...(omitted.length > 0 && { omit: named(omitted) }),
    ...(order !== null && parent !== null && { order: order.name }),
    ...(protect !== null && { protect: protect.name }),
    ...(dates !== null && { dates: dates.name }),
    ...(references.length > 0 && { references: Object.fromEntries(references) }),
    ...(children.length > 0 && { children: children.map((child) => declare(child, tables, shape)) }),
  }
}
