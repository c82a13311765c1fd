import type { Column, Table } from '../source/catalog.ts'
import { isText } from './text-columns.ts'

const labels = [
  'name',
  'title',
  'label',
  'subject',
  'display_name',
  'full_name',
  'email',
  'username',
  'slug',
  'code',
  'number',
  'description',
]
const dates = [
  'created_at',
  'inserted_at',
  'created',
  'created_on',
  'date_created',
  'creation_date',
  'occurred_at',
  'started_at',
  'sent_at',
  'published_at',
  'date',
  'timestamp',
  'time',
]
const orders = [
  'position',
  'sequence',
  'seq',
  'sort_order',
  'ordinal',
  'order',
  'rank',
  'line',
  'line_no',
  'line_number',
  'number',
  'idx',
]

/** The text that people would know a row by. */
export function guessLabel(table: Table): Column | null {
  const texts = table.columns.filter(
    (column) => isText(column) && column.refusal === null && !/_?id$/i.test(column.name),
  )
  const unique = texts.find(
    (column) => column.notNull && table.uniqueKeys.some((key) => key.length === 1 && key[0] === column.name),
  )
  return (
    byName(texts, labels) ??
    texts.find((column) => /name$/i.test(column.name)) ??
    unique ??
    texts.find((column) => column.notNull && !table.primaryKey.includes(column.name)) ??
    null
  )
}

/** When the row came into being. */
export function guessDates(table: Table): Column | null {
  const times = table.columns.filter(({ baseType }) =>
    ['timestamptz', 'timestamp', 'date'].includes(baseType),
  )
  return (
    byName(times, dates) ??
    times.find(filledAtStart) ??
    times.find((column) => column.notNull) ??
    times[0] ??
    null
  )
}

/** A mark on rows that must not go. */
export function guessProtect(table: Table): Column | null {
  const marks = table.columns.filter(({ baseType }) => baseType === 'bool')
  return (
    marks.find(({ name }) => /^(is_?)?(protected|system|builtin|built_in|undeletable)$/i.test(name)) ?? null
  )
}

/** The place of a row among its siblings. */
export function guessOrder(table: Table): Column | null {
  return byName(
    table.columns.filter(({ baseType }) => ['int2', 'int4', 'int8'].includes(baseType)),
    orders,
  )
}

/** By a list of names, best first; `createdAt` is `created_at` too. */
function byName(columns: Column[], names: string[]): Column | null {
  for (const name of names) {
    const found = columns.find((column) => plain(column) === name)
    if (found !== undefined) return found
  }
  return null
}

function plain({ name }: Column): string {
  return name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase()
}

function filledAtStart(column: Column): boolean {
  return column.notNull && /now\(\)|current_/i.test(column.default ?? '')
}
