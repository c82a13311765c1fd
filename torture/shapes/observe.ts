import type pg from 'pg'
import type { Column, Model, Table } from './model.ts'
import { equal, list, quote, quoteTable } from './names.ts'
import { hasStablePrimary, linksStably } from './pointers.ts'

/** A row as it is known and as it is: by own SQL, whatever internal ids it has. */
export interface Observed {
  table: Table
  /** What it is known by, wherever it stands. */
  identity: string
  /** The key of the record that it belongs to; null for one that belongs to none. */
  record: string | null
  /** What its parent is known by. */
  place: string | null
  /** Its values by each unique key, the parent by what it is known by; null where one is NULL. */
  unique: (string | null)[]
  /** Of all its values but internal ids, which stand for themselves by what they point at. */
  md5: string
}

/** A table with those above it; aliases are the prefix and the distance. */
export function chain(table: Table, prefix: string): string {
  const joins = [`${quoteTable(table)} ${prefix}0`]
  for (let [below, depth] = [table, 1]; below.parent !== null; below = below.parent, depth++)
    joins.push(
      `LEFT JOIN ${quoteTable(below.parent)} ${prefix}${depth} ON ${equal(`${prefix}${depth - 1}`, below.parentColumns, `${prefix}${depth}`, below.parent.linked)}`,
    )
  return joins.join(' ')
}

/** What a row's record is known by. */
export function recordOf(table: Table, prefix: string): string {
  let root = table
  while (root.parent !== null) root = root.parent
  const alias = `${prefix}${table.depth}`
  return `CASE WHEN ${alias}.tableoid IS NOT NULL THEN ROW(${list(root.key, alias)})::text END`
}

function identityOf(table: Table, prefix: string, at = 0): string {
  const own = `ROW(${list(table.key, `${prefix}${at}`)})::text`
  return table.global || table.parent === null
    ? own
    : `${own} || coalesce(${identityOf(table.parent, prefix, at + 1)}, '-')`
}

function contents(table: Table): string {
  const { parent, parentColumns, internal, omitted, pointers, columns } = table
  const loose = parent === null || linksStably(parent) ? [] : parentColumns
  const replaced = pointers.filter(({ target }) => target.parent !== undefined && !hasStablePrimary(target))
  const left = [...loose, ...internal, ...omitted, ...replaced.flatMap((pointer) => pointer.columns)]
  const values = columns.filter((column) => !left.includes(column)).map(textOf)
  const above = loose.length > 0 ? [identityOf(parent!, 'a', 1)] : []
  const others = replaced.map(({ columns, target, targets }, i) => {
    const prefix = `p${i}_`
    return `(SELECT ${identityOf(target, prefix)} FROM ${chain(target, prefix)} WHERE ${equal(`${prefix}0`, targets, 'a0', columns)})`
  })
  return [...values, ...above, ...others].join(', ')
}

function uniqueOf({ unique, parent, parentColumns }: Table): string {
  const values = unique.map((key) => {
    const own = key.filter((column) => !parentColumns.includes(column))
    const above = own.length < key.length ? [identityOf(parent!, 'a', 1)] : []
    const row = `ROW(${[list(own, 'a0'), ...above].join(', ')})`
    return `CASE WHEN num_nulls(${[list(key, 'a0')].join(', ')}) = 0 THEN ${row}::text END`
  })
  return `ARRAY[${values.join(', ')}]::text[]`
}

/** Inside a row an xml value is printed without its declaration. */
function textOf({ name, type }: Column): string {
  return type === 'xml' ? `a0.${quote(name)}::text` : `a0.${quote(name)}`
}

/** Every row of the dataset's tables. */
export async function observe(client: pg.ClientBase, { tables }: Model): Promise<Observed[]> {
  const all: Observed[] = []
  for (const table of tables) {
    const { rows } = await client.query<Omit<Observed, 'table'>>(
      `SELECT ${identityOf(table, 'a')} AS identity, ${recordOf(table, 'a')} AS record, md5(ROW(${contents(table)})::text) AS md5,
         ${table.parent === null ? 'NULL' : identityOf(table.parent, 'a', 1)} AS place, ${uniqueOf(table)} AS unique
         FROM ${chain(table, 'a')} ORDER BY 1, 3`,
    )
    all.push(...rows.map((row) => ({ table, ...row })))
  }
  return all
}

/** Everything beside the dataset's tables that no restore may touch. */
export async function observeOutside(
  client: pg.ClientBase,
  { schema, people, holders }: Model,
): Promise<string> {
  const hashes: string[] = []
  for (const name of [people, ...holders.map((holder) => holder.name)]) {
    const { rows } = await client.query<{ md5: string }>(
      `SELECT md5(string_agg(t::text, e'\\n' ORDER BY id)) AS md5 FROM ${quoteTable({ schema, name })} t`,
    )
    hashes.push(`${name} ${rows[0]!.md5}`)
  }
  return hashes.join('\n')
}

/** Which rows two looks differ in, in words. */
export function differences(before: Observed[], after: Observed[]): string[] {
  const print = ({ table, identity, md5 }: Observed) => `${table.name} ${identity} ${md5}`
  const [was, is] = [new Set(before.map(print)), new Set(after.map(print))]
  const double = after.length - is.size
  return [
    ...before.filter((row) => !is.has(print(row))).map((row) => `lost or changed: ${print(row)}`),
    ...after.filter((row) => !was.has(print(row))).map((row) => `is there instead: ${print(row)}`),
    ...(double > 0 ? [`${double} rows are there twice`] : []),
  ]
}

export interface RecordKey {
  record: string
  key: unknown
}

/** The records there are, each with its key as requests name it. */
export async function recordKeys(client: pg.ClientBase, { tables: [root] }: Model): Promise<RecordKey[]> {
  const { rows } = await client.query<{ record: string; key: unknown[] }>(
    `SELECT ROW(${list(root!.key, 'a')})::text AS record, json_build_array(${root!.key.map(keyPart).join(', ')}) AS key
       FROM ${quoteTable(root!)} a ORDER BY 1`,
  )
  return rows.map(({ record, key }) => ({ record, key: key.length === 1 ? key[0] : key }))
}

/** Scopes by the records' dates. */
export const periods = {
  month: { scope: { month: '2026-02' }, from: '2026-02-01', to: '2026-03-01' },
  period: { scope: { from: '2026-01-20', to: '2026-01-30' }, from: '2026-01-20', to: '2026-01-30' },
}

/** The records in a shape's month or period; all, where it has neither. */
export async function recordsWithin(client: pg.ClientBase, model: Model): Promise<RecordKey[]> {
  const { scope } = model.shape
  const all = await recordKeys(client, model)
  if (scope !== 'month' && scope !== 'period') return all
  const { from, to } = periods[scope]
  const [root] = model.tables
  const dates = root!.dates!
  const at = (day: string) => `CAST('${day} 00:00:00+00' AS ${dates.type})`
  const { rows } = await client.query<{ record: string }>(
    `SELECT ROW(${list(root!.key, 'a')})::text AS record FROM ${quoteTable(root!)} a
      WHERE ${list([dates], 'a')} >= ${at(from)} AND ${list([dates], 'a')} < ${at(to)}`,
  )
  return all.filter(({ record }) => rows.some((row) => row.record === record))
}

const numbers = new Set(['int2', 'int4', 'integer', 'number', 'smallserial', 'serial', 'float8'])
const instants = new Set(['date', 'timestamp', 'timestamptz'])

function keyPart({ name, type }: Column): string {
  const column = `a.${quote(name)}`
  if (numbers.has(type)) return column
  return instants.has(type) ? `(to_json(${column}) #>> '{}')` : `format('%s', ${column})`
}
