import { raw, type FilterQuery, type QueryOrderMap } from '@mikro-orm/core'
import Type, { type TSchema } from 'typebox'
import { decodeCursor, encodeCursor } from './cursors.ts'

/** One of the columns that a list can be sorted by. */
export interface SortColumn<Item> {
  is: 'text' | 'integer' | 'time'
  /** A column, or an expression over columns of the same table, that is never null: `coalesce(stored_bytes, -1)`. */
  sql: string
  /** The same of an item at hand. */
  of: (item: Item) => string | number | Date
}

/** By when they came to be: ids are ordered by time. */
export type SortById = { is: 'id' }

/** Stand in for times that there are none of, at either end of an order. */
const ends = { first: '1970-01-01T00:00:00.000Z', last: '9999-12-31T00:00:00.000Z' }

/**
 * A column for times that may be missing. Its SQL is what an index is over (migrations/lists.ts).
 * @param where those without a time stand when it goes upwards
 */
export function timeOrNone<Item>(
  column: string,
  of: (item: Item) => Date | null,
  where: keyof typeof ends = 'last',
): SortColumn<Item> {
  const instead = ends[where]
  const sql = `coalesce(${column}, timestamptz '${instead}')`
  return { is: 'time', sql, of: (item) => of(item) ?? new Date(instead) }
}

/** What a list can be sorted by: the names that its address has for that, and the usual order, such as `-taken`. */
export interface Sorting<Item> {
  columns: Record<string, SortColumn<Item> | SortById>
  usual: string
}

/** One order of a list, with what it takes to go on where a page ended. */
export interface Order<Item> {
  orderBy: QueryOrderMap<Item>[]
  /** What comes after a cursor; nothing is left out without one. @throws Problem CURSOR_INVALID */
  after(cursor: string | undefined): FilterQuery<Item>[]
  /** Where a page ends. */
  cursorOf(last: Item): string
}

/**
 * One order of a list. Items that are equal in it are told apart by their ids, so that no page repeats or loses one.
 * An index on (the column's SQL, id) serves both directions.
 * @param sort the name of a column, `-` before it for the other way round; has been checked against the whitelist
 */
export function orderOf<Item extends { id: string }>(
  { columns, usual }: Sorting<Item>,
  sort: string = usual,
): Order<Item> {
  const column = columns[sort.replace(/^-/, '')]!
  const descending = sort.startsWith('-')
  return column.is === 'id' ? orderById(descending) : orderByColumn(column, descending)
}

const Id = Type.String({ format: 'uuid' })
const ById = Type.Tuple([Id])

function orderById<Item extends { id: string }>(descending: boolean): Order<Item> {
  return {
    orderBy: [{ id: descending ? 'desc' : 'asc' } as QueryOrderMap<Item>],
    after: (cursor) => {
      const position = decodeCursor(cursor, ById)
      if (position === null) return []
      return [{ id: { [descending ? '$lt' : '$gt']: position[0] } } as FilterQuery<Item>]
    },
    cursorOf: ({ id }) => encodeCursor([id]),
  }
}

/** What a cursor may hold, and what PostgreSQL takes it for: whatever passes the one never fails as the other. */
const kinds: Record<SortColumn<never>['is'], { Position: TSchema; cast: string }> = {
  text: { Position: Type.Tuple([Type.String({ maxLength: 1500 }), Id]), cast: 'text' },
  integer: {
    Position: Type.Tuple([
      Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }),
      Id,
    ]),
    cast: 'bigint',
  },
  time: {
    Position: Type.Tuple([
      Type.String({ format: 'date-time', pattern: '^[1-9]\\d{3}-[\\d-]{5}T[\\d:]{8}\\.\\d{3}Z$' }),
      Id,
    ]),
    cast: 'timestamptz',
  },
}

function orderByColumn<Item extends { id: string }>(
  { is, sql, of }: SortColumn<Item>,
  descending: boolean,
): Order<Item> {
  const { Position, cast } = kinds[is]
  const direction = descending ? 'desc' : 'asc'
  const after = `((${sql}, id) ${descending ? '<' : '>'} (?::${cast}, ?::uuid))`
  return {
    orderBy: [{ [raw(sql)]: direction } as QueryOrderMap<Item>, { id: direction } as QueryOrderMap<Item>],
    after: (cursor) => {
      const position = decodeCursor(cursor, Position) as [string | number, string] | null
      return position === null ? [] : [{ [raw(after, position)]: true } as FilterQuery<Item>]
    },
    cursorOf: (last) => {
      const value = of(last)
      return encodeCursor([value instanceof Date ? value.toISOString() : value, last.id])
    },
  }
}
