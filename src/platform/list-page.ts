import Type from 'typebox'
import { url } from './components.ts'
import { Cursor } from './cursors.ts'
import { pagesOf, startOfDay } from './filters.ts'
import type { Sorting } from './sorting.ts'

/** The query of a list's page: its filters, its order, where the page before ended, and whether it is wanted as a file. */
export function ListPageQuery<Filters extends Type.TProperties>(
  filters: Filters,
  { columns }: Pick<Sorting<never>, 'columns'>,
) {
  const names = Object.keys(columns)
  return Type.Object(
    {
      ...filters,
      sort: Type.Optional(Type.Enum([...names, ...names.map((name) => `-${name}`)])),
      cursor: Type.Optional(Cursor),
      format: Type.Optional(Type.Literal('csv')),
    },
    { additionalProperties: false },
  )
}

/** The whole query of a list's page, as it was asked for. */
export type Listed = { sort?: string; cursor?: string; format?: 'csv' } & Record<string, unknown>

/** Only the filters of a list's query, with days as the times they start at. */
export function filterOf<Query extends Listed>(query: Query): Omit<Query, 'sort' | 'cursor' | 'format'> {
  const { sort: _sort, cursor: _cursor, format: _format, ...filter } = query
  for (const name of ['from', 'to']) {
    const day = filter[name]
    if (typeof day === 'string') Object.assign(filter, { [name]: startOfDay(day) })
  }
  return filter
}

/**
 * What views/partials/headings.eta and pages.eta show of a list, and `filter` and `filtered` for its filters.
 * @param path where the list is
 * @param nextCursor where the next page begins
 * @param total how many match; leave it out where counting costs too much
 */
export function listOf<Item>(
  path: string,
  query: Listed,
  sorting: Sorting<Item>,
  { nextCursor, total = null }: { nextCursor: string | null; total?: Count | null },
) {
  const { sort, cursor, ...filter } = query
  const link = (more: Record<string, unknown>) => url(path, more)
  return {
    filter: query,
    filtered: Object.keys(filter).length > 0,
    pages: pagesOf(link, query, nextCursor),
    list: {
      path,
      sort,
      csv: link({ ...filter, sort, format: 'csv' }),
      total: total ?? (nextCursor === null && cursor === undefined ? 'all' : null),
      columns: columnsOf(sorting, sort, (name) => link({ ...filter, sort: name })),
    },
  }
}

/** How many match a filter: exactly, or that it is more than `atMost`. */
export interface Count {
  count: number
  isExact: boolean
}

/** For each column that can be sorted by: how it is now, and the link that turns it around. Times come newest first. */
function columnsOf<Item>({ columns, usual }: Sorting<Item>, sort = usual, link: (name: string) => string) {
  return Object.fromEntries(
    Object.entries(columns).map(([name, { is }]) => {
      const sorted = sort === name ? 'ascending' : sort === `-${name}` ? 'descending' : null
      const downFirst = is !== 'text'
      const down = sorted === null ? downFirst : sorted === 'ascending'
      return [name, { sorted, href: link(down ? `-${name}` : name) }]
    }),
  )
}
