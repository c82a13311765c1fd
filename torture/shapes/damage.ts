import pg from 'pg'
import type { Random } from '../random.ts'
import { hash, insertRows, point, type Numbers } from './fill.ts'
import type { Column, Model, Table } from './model.ts'
import { equal, list, literal, quote, quoteTable } from './names.ts'
import { chain, recordOf } from './observe.ts'

interface Spoiling {
  client: pg.ClientBase
  model: Model
  random: Random
  numbers: Numbers
  /** Records that may be spoilt in any way, as `observe` names them; null for all there are. */
  records: string[] | null
}

/** The condition that tells a row, or some, by the table's alias and a dot, or by nothing. */
type Row = (alias: string) => string

const ways = {
  /** With everything below it; what points at it lets go first. */
  async delete(work: Spoiling, table: Table) {
    for (const row of await someRows(work, table, 1 + work.random.below(4), true))
      await deleteBelow(work, table, row)
  },
  async change(work: Spoiling, table: Table) {
    const columns = table.columns.filter(({ changes }) => changes)
    for (const row of await someRows(work, table, 1 + work.random.below(6))) {
      const column = work.random.pick(columns)
      await set(work, table, row, [column])
    }
  },
  /** The key of the dataset, or the internal id behind it. */
  async rekey(work: Spoiling, table: Table) {
    if (table.parent === null && work.records !== null) return
    const columns = work.random() < 0.5 ? table.key : table.internal
    const given = columns.filter((column) => column.value !== null)
    for (const row of await someRows(work, table, 2, true)) {
      if (given.length > 0) await set(work, table, row, given)
      else if (columns.length > 0)
        await work.client.query(
          `UPDATE ${quoteTable(table)} SET ${list([columns[0]!])} = (SELECT max(${list([columns[0]!])}) + 1 FROM ${quoteTable(table)}) WHERE ${row('')}`,
        )
    }
  },
  async insert(work: Spoiling, table: Table) {
    if (table.parent === null && work.records !== null) return
    await insertBelow(
      work,
      table,
      table.parent === null ? [null, null] : await someLinks(work, table.parent, 2),
    )
  },
  async swap(work: Spoiling, table: Table) {
    const unique = table.unique.flat().filter(({ changes }) => changes)
    if (unique.length === 0) return
    const column = work.random.pick(unique)
    const [a, b] = await someRows(work, table, 2)
    if (a === undefined || b === undefined) return
    // Each goes by its place, which an update changes: the values and the keys are noted first.
    const key = list(table.primary)
    const noted = (name: string, row: Row) =>
      `CREATE TEMP TABLE ${name} ON COMMIT DROP AS SELECT ${key}, ${quote(column.name)} AS "holdfast's" FROM ${quoteTable(table)} WHERE ${row('')}`
    await work.client.query(`${noted('a_row', a)}; ${noted('b_row', b)}`)
    const give = (to: string, value: string) =>
      work.client.query(
        `UPDATE ${quoteTable(table)} t SET ${quote(column.name)} = ${value} FROM ${to} x WHERE ${equal('t', table.primary, 'x', table.primary)}`,
      )
    await give('a_row', column.value!(work.numbers.next(), 1))
    await give('b_row', `(SELECT "holdfast's" FROM a_row)`)
    await give('a_row', `(SELECT "holdfast's" FROM b_row)`)
    await work.client.query('DROP TABLE a_row, b_row')
  },
  async move(work: Spoiling, table: Table) {
    if (table.parent === null || (isPointedAt(work.model, table) && work.random() < 0.95)) return
    for (const row of await someRows(work, table, 3)) {
      const [link] = await someLinks(work, table.parent, 1)
      const values = table.parentColumns.map(({ name }, i) => `${quote(name)} = ${literal(link![i]!)}`)
      await work.client.query(`UPDATE ${quoteTable(table)} SET ${values.join(', ')} WHERE ${row('')}`)
    }
  },
  async repoint(work: Spoiling, table: Table) {
    for (const pointer of table.pointers) {
      for (const row of await someRows(work, table, 3)) {
        const within = pointer.target.parent === undefined ? null : await someRows(work, pointer.target, 5)
        if (within?.length === 0) continue
        const among = within === null ? '' : `WHERE ${within.map((one) => `(${one('b.')})`).join(' OR ')}`
        await work.client.query(
          !pointer.required && work.random() < 0.3
            ? `UPDATE ${quoteTable(table)} SET ${pointer.columns.map(({ name }) => `${quote(name)} = NULL`).join(', ')} WHERE ${row('')}`
            : point(table, pointer, `${work.random()}`, row('a.'), among),
        )
      }
    }
  },
  async empty(work: Spoiling, table: Table) {
    if (work.random() < 0.7) return
    if (work.records === null && table.protect === null && work.random() < 0.5)
      await work.client.query(`TRUNCATE ${quoteTable(table)} RESTART IDENTITY`)
    else for (const row of await someRows(work, table, 1000, true)) await deleteBelow(work, table, row)
  },
} satisfies Record<string, (work: Spoiling, table: Table) => Promise<void>>

export type Way = keyof typeof ways

/**
 * Spoils rows as an application might: what its constraints refuse doesn't happen.
 * @returns how often each way did something
 */
export async function spoil(work: Spoiling, times: number): Promise<Map<Way, number>> {
  const done = new Map<Way, number>()
  const { client, model, random } = work
  await client.query('BEGIN')
  for (let i = 0; i < times; i++) {
    const way = random.pick(Object.keys(ways) as Way[])
    const table = random.pick(model.tables)
    await client.query('SAVEPOINT way')
    try {
      await client.query('SET CONSTRAINTS ALL DEFERRED')
      await ways[way](work, table)
      await client.query('SET CONSTRAINTS ALL IMMEDIATE')
      done.set(way, (done.get(way) ?? 0) + 1)
    } catch (error) {
      if (!refusals.test((error as pg.DatabaseError).code ?? '')) throw error
      await client.query('ROLLBACK TO SAVEPOINT way')
    }
  }
  await client.query('COMMIT')
  return done
}

/** Empties every table of the dataset, and those whose rows point there. */
export async function emptyAll(client: pg.ClientBase, { tables, holders, schema }: Model): Promise<void> {
  const all = [...tables, ...holders.map(({ name }) => ({ schema, name }))]
  await client.query(`TRUNCATE ${all.map(quoteTable).join(', ')}`)
}

/** Constraints, a column that can't be set, and TRUNCATE of what is pointed at. */
const refusals = /^(23...|428C9|0A000|55006)$/

/** Whether rows point at the table's or at those below them: what moves with them can't be moved back then. */
function isPointedAt({ tables, holders }: Pick<Model, 'tables' | 'holders'>, table: Table): boolean {
  const pointed =
    holders.some((holder) => holder.table === table) ||
    tables.some(({ pointers }) => pointers.some(({ target }) => target === table))
  return pointed || tables.some((child) => child.parent === table && isPointedAt({ tables, holders }, child))
}

/** @param free only rows that nothing keeps from being deleted again */
async function someRows(work: Spoiling, table: Table, count: number, free = false): Promise<Row[]> {
  const unprotected = free && table.protect !== null ? ` AND NOT a0.${quote(table.protect.name)}` : ''
  const { rows } = await work.client.query<{ relation: string; place: string }>(
    `SELECT a0.tableoid::text AS relation, a0.ctid::text AS place FROM ${chain(table, 'a')} WHERE ${inside(work, table)}${unprotected}
      ORDER BY ${hash('a0', table, `${work.random()}`)} LIMIT ${count}`,
  )
  return rows.map(
    ({ relation, place }) =>
      (alias) =>
        `(${alias}tableoid = ${relation}::oid AND ${alias}ctid = '${place}'::tid)`,
  )
}

function inside({ records }: Spoiling, table: Table): string {
  const record = recordOf(table, 'a')
  return records === null
    ? `${record} IS NOT NULL`
    : `${record} = ANY (ARRAY[${records.map(literal).join(', ')}]::text[])`
}

/** What children of some rows point at, as text. */
async function someLinks(work: Spoiling, table: Table, count: number): Promise<string[][]> {
  const [row] = [
    `ARRAY[${table.linked.map(({ name }) => `format('%s', a0.${quote(name)})`).join(', ')}]::text[]`,
  ]
  const { rows } = await work.client.query<{ link: string[] }>(
    `SELECT ${row} AS link FROM ${chain(table, 'a')} WHERE ${inside(work, table)} ORDER BY ${hash('a0', table, `${work.random()}`)} LIMIT ${count}`,
  )
  return rows.map(({ link }) => link)
}

async function deleteBelow(work: Spoiling, table: Table, row: Row): Promise<void> {
  const { tables } = work.model
  for (const child of tables.filter(({ parent }) => parent === table))
    await deleteBelow(
      work,
      child,
      () =>
        `(${list(child.parentColumns)}) IN (SELECT ${list(table.linked)} FROM ${quoteTable(table)} WHERE ${row('')})`,
    )
  for (const other of tables)
    for (const { columns, target, targets, required } of other.pointers.filter(
      (pointer) => pointer.target === table,
    )) {
      const others = `(SELECT ${list(targets)} FROM ${quoteTable(target)} WHERE (${row('')}) IS NOT TRUE ORDER BY ${list(targets)} LIMIT 1)`
      const none = `(${columns.map(() => 'NULL').join(', ')})`
      await work.client.query(
        `UPDATE ${quoteTable(other)} SET (${list(columns)}) = ${required ? others : `ROW${none}`}
          WHERE (${list(columns)}) IN (SELECT ${list(targets)} FROM ${quoteTable(target)} WHERE ${row('')})`,
      )
    }
  await work.client.query(`DELETE FROM ${quoteTable(table)} WHERE ${row('')}`)
}

async function insertBelow(work: Spoiling, table: Table, links: (string[] | null)[]): Promise<void> {
  const made = await insertRows(work.client, table, links, work.numbers, work.random.below)
  const children = work.model.tables.filter(({ parent }) => parent === table)
  for (const child of children) if (work.random() < 0.5) await insertBelow(work, child, made)
}

async function set(
  { client, numbers, random }: Spoiling,
  table: Table,
  row: Row,
  columns: Column[],
): Promise<void> {
  const n = numbers.next()
  const values = columns.map((column) => `${quote(column.name)} = ${column.value!(n, random.below(1000))}`)
  await client.query(`UPDATE ${quoteTable(table)} SET ${values.join(', ')} WHERE ${row('')}`)
}
