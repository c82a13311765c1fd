import type pg from 'pg'
import { seeded } from '../random.ts'
import type { Column, Model, Pointer, Table } from './model.ts'
import { list, literal, plainOf, quoteTable } from './names.ts'

/** Numbers of rows, over all tables, so that no two have the same key. */
export class Numbers {
  #last = 0

  next(): number {
    return ++this.#last
  }
}

/** Fills a model's tables. */
export async function fill(client: pg.ClientBase, model: Model, numbers: Numbers): Promise<void> {
  const { tables, schema, people, holders, shape } = model
  const random = seeded(shape.seed)
  await client.query(
    `INSERT INTO ${quoteTable({ schema, name: people })} (email) SELECT 'p ' || i FROM generate_series(1, 20) i`,
  )
  const links = new Map<Table, string[][]>()
  for (const table of tables) {
    const above = table.parent === null ? [null] : links.get(table.parent)!
    const times = table.parent === null ? table.shape.rows * 8 + 8 : table.shape.rows * 2
    const rows = above.flatMap((link) =>
      Array.from({ length: table.parent === null ? times : random.below(times + 1) }, () => link),
    )
    links.set(table, await insertRows(client, table, rows, numbers, random.below, false))
  }
  for (const table of tables)
    for (const pointer of table.pointers) {
      const where = pointer.required ? 'true' : `${hash('a', table)} % 3 < 2`
      await client.query(point(table, pointer, `${shape.seed}`, where))
      pointer.required &&= await demand(client, table, pointer)
    }
  const [root] = tables
  if (root!.protect !== null)
    await client.query(
      `UPDATE ${quoteTable(root!)} a SET ${list([root!.protect])} = true WHERE ${hash('a', root!)} % 3 = 0`,
    )
  for (const { name, table } of holders) {
    const columns = table.primary.map((_, i) => `c${i}`).join(', ')
    await client.query(
      `INSERT INTO ${quoteTable({ schema, name })} (${columns}) SELECT ${list(table.primary)} FROM ${quoteTable(table)} a WHERE ${hash('a', table)} % 5 = 0`,
    )
  }
  if (shape.large > 0) await enlarge(client, tables[0]!, shape.large)
}

/** Makes the pointer NOT NULL. @returns false where there are no rows, or nothing that they can point at */
async function demand(client: pg.ClientBase, table: Table, { columns }: Pointer): Promise<boolean> {
  const full = columns.map((column) => `${list([column])} IS NOT NULL`).join(' AND ')
  const { rows } = await client.query<{ full: boolean | null }>(
    `SELECT bool_and(${full}) AS full FROM ${quoteTable(table)}`,
  )
  if (rows[0]!.full !== true) return false
  const changes = columns.map((column) => `ALTER COLUMN ${list([column])} SET NOT NULL`)
  await client.query(`ALTER TABLE ${quoteTable(table)} ${changes.join(', ')}`)
  return true
}

/** What a new row has to point at, by column: the first row that there is. */
export function firstTargets({ pointers }: Table): Map<Column, string> {
  const required = pointers.filter((pointer) => pointer.required)
  return new Map(
    required.flatMap(({ columns, target, targets }) =>
      columns.map((column, i) => [
        column,
        `(SELECT ${list([targets[i]!])} FROM ${quoteTable(target)} ORDER BY ${list(targets)} LIMIT 1)`,
      ]),
    ),
  )
}

/** @param rows what each points at in its parent, as text @param filled whether the other tables are @returns what children of each point at */
export async function insertRows(
  client: pg.ClientBase,
  table: Table,
  rows: (string[] | null)[],
  numbers: Numbers,
  pick: (end: number) => number,
  filled = true,
): Promise<string[][]> {
  if (rows.length === 0) return []
  const pointing = filled ? firstTargets(table) : new Map<Column, string>()
  const columns = table.columns.filter(
    (column) => column.value !== null || table.parentColumns.includes(column) || pointing.has(column),
  )
  const linked = table.linked.map((column) => `format('%s', ${list([column])})`)
  const values = rows.map((link) => {
    const n = numbers.next()
    const value = (column: Column) => pointing.get(column) ?? valueOf(table, column, link, n, pick(1000))
    return `(${columns.map(value).join(', ')})`
  })
  const { rows: made } = await client.query<{ link: string[] }>(
    `INSERT INTO ${quoteTable(table)} ${columns.length > 0 ? `(${list(columns)}) VALUES ${values.join(', ')}` : 'DEFAULT VALUES'}
     RETURNING ARRAY[${linked.join(', ')}]::text[] AS link`,
  )
  return made.map(({ link }) => link)
}

function valueOf(table: Table, column: Column, link: string[] | null, n: number, pick: number): string {
  const at = table.parentColumns.indexOf(column)
  if (at >= 0) return link === null ? 'NULL' : `CAST(${literal(link[at]!)} AS ${plainOf(column.type)})`
  return column.value!(n, pick)
}

/** A whole number that depends on the row's primary key alone. */
export function hash(alias: string, { primary }: Table, salt = ''): string {
  return `abs(hashtext(ROW(${list(primary, alias)})::text || ${literal(salt)}))`
}

/** Points rows at some row each. */
export function point(
  table: Table,
  pointer: Table['pointers'][number],
  salt: string,
  where: string,
  among = '',
): string {
  const { columns, target, targets } = pointer
  return `UPDATE ${quoteTable(table)} a SET (${list(columns)}) = (SELECT ${list(targets, 'b')} FROM ${quoteTable(target)} b ${among}
      ORDER BY md5(ROW(${list(targets, 'b')})::text || ROW(${list(table.primary, 'a')})::text || ${literal(salt)}) LIMIT 1) WHERE ${where}`
}

const enlarged = new Set(['text', 'varchar', 'bytea'])

/** The root's column that may have any size. */
function largeColumn({ columns, unique }: Table): Column {
  return columns.find(
    (column) => column.changes && enlarged.has(column.type) && !unique.flat().includes(column),
  )!
}

/** Gives a value of one of the root's rows so many bytes. */
async function enlarge(client: pg.ClientBase, root: Table, bytes: number): Promise<void> {
  const column = largeColumn(root)
  const filler =
    column.type === 'bytea'
      ? `decode(repeat('00ff5c', ${bytes} / 3), 'hex')`
      : `repeat(E'"\\\\é\\n', ${bytes} / 5)`
  await client.query(
    `UPDATE ${quoteTable(root)} SET ${list([column])} = ${filler} WHERE ctid = (SELECT ctid FROM ${quoteTable(root)} a ORDER BY ${hash('a', root)} LIMIT 1)`,
  )
}

/** How many of the root's rows have so many bytes. */
export async function countLarge(client: pg.ClientBase, root: Table, bytes: number): Promise<number> {
  const { rows } = await client.query<{ rows: number }>(
    `SELECT count(*)::int AS rows FROM ${quoteTable(root)} WHERE octet_length(${list([largeColumn(root)])}) >= ${bytes}`,
  )
  return rows[0]!.rows
}

/** Takes those bytes away. */
export async function shorten(client: pg.ClientBase, root: Table, bytes: number): Promise<void> {
  const column = list([largeColumn(root)])
  await client.query(
    `UPDATE ${quoteTable(root)} SET ${column} = '' WHERE octet_length(${column}) >= ${bytes}`,
  )
}
