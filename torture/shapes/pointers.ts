import type { Column, Pointer, Table } from './model.ts'
import { Names, plainOf } from './names.ts'
import type { PointerShape } from './shape.ts'

/** Adds what a table's rows point at besides their parent: rows of their own table, of others, and outside. */
export function addPointers(table: Table, tables: Table[]): void {
  const { self, across, outward } = table.shape
  if (self !== null) addPointer(table, self, table, 'self')
  if (across !== null) addPointer(table, across, tables[across.to % tables.length]!, 'across')
  if (outward !== null) addOutward(table, outward)
}

function addPointer(table: Table, shape: PointerShape, target: Table, name: string): void {
  const key = stableKey(target)
  if (key === null) return
  const columns = target.primary.map(({ type }, i) => addColumn(table, `${name} ${i}`, plainOf(type)))
  const plain = shape.rule === 'plain' && target.internal.length === 0
  const reference = { table: `${target.schema}.${target.name}`, key: key.map(({ name }) => name) }
  const missing = shape.rule === 'plain' ? ('fail' as const) : shape.rule
  const clause = shape.deferrable ? ' DEFERRABLE INITIALLY DEFERRED' : ''
  table.pointers.push({
    ...{
      columns,
      target,
      targets: target.primary,
      clause,
      required: shape.required && shape.deferrable && missing !== 'null',
    },
    reference: plain ? null : { ...reference, missing },
  })
}

/** What a row of a table is known by wherever it stands and whatever becomes of internal ids; null: by nothing. */
function stableKey(table: Table): Column[] | null {
  if (table.internal.length > 0) return table.global ? table.key : null
  return hasStablePrimary(table) ? table.primary : null
}

/** Whether the primary key stays what it is through a restore. */
export function hasStablePrimary({ internal, primary, parentColumns, parent }: Table): boolean {
  if (internal.length > 0) return false
  if (!primary.some((column) => parentColumns.includes(column))) return true
  return linksStably(parent!)
}

/** Whether what children point at stays what it is. */
export function linksStably(table: Table): boolean {
  if (!table.linked.some((column) => table.internal.includes(column) || table.parentColumns.includes(column)))
    return true
  return table.internal.length === 0 && linksStably(table.parent!)
}

function addOutward(table: Table, { rule, deferrable }: PointerShape): void {
  const column = addColumn(table, 'person', 'integer')
  const reference = { table: `${table.schema}.people`, key: 'email', missing: rule } as NonNullable<
    Pointer['reference']
  >
  table.pointers.push({
    ...{ columns: [column], target: outside(table.schema), targets: [outsideId] },
    ...{ clause: deferrable ? ' DEFERRABLE' : '', reference: rule === 'plain' ? null : reference },
    required: false,
  })
}

function addColumn(table: Table, wanted: string, type: string): Column {
  const given = new Names()
  for (const { name } of table.columns) given.give(name)
  const column = { name: given.give(wanted), type, notNull: false, clause: '', value: null, changes: false }
  table.columns.push(column)
  return column
}

const outsideId: Column = {
  name: 'id',
  type: 'integer',
  notNull: true,
  clause: '',
  value: null,
  changes: false,
}

function outside(schema: string): Table {
  return {
    schema,
    name: 'people',
    columns: [outsideId],
    primary: [outsideId],
    internal: [],
  } as unknown as Table
}
