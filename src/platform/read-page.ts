import type { EntityName, FilterQuery } from '@mikro-orm/core'
import type { EntityManager } from './database.ts'
import { readRows } from './read-rows.ts'
import { orderOf, type Sorting } from './sorting.ts'

/** Which part of a list is asked for. */
export interface PageQuery {
  limit?: number | undefined
  cursor?: string | undefined
}

/** The same of a list that can be sorted. */
export interface SortedPageQuery extends PageQuery {
  /** Of the names that the list's `Sorting` has, `-` before it for the other way round; default the usual one. */
  sort?: string | undefined
}

/** One page of a list: its items, and where the next one begins. */
export interface Page<Item> {
  items: Item[]
  nextCursor: string | null
}

/** What a list is read from. */
export interface PageSource<Item extends { id: string }> {
  em: EntityManager
  entity: EntityName<Item>
  /** Conditions, all of which hold. */
  where: FilterQuery<Item>[]
  sorting: Sorting<Item>
  /** Tells of some that were found which ones belong on the page; all of them unless told. */
  choose?(found: Item[]): Promise<(item: Item) => boolean | Promise<boolean>>
}

/** How many items one page looks into at most, when most of them don't belong on it; the next page goes on from there. */
const lookedIntoAtMost = 200

/**
 * Reads one page of a list.
 * @returns with `choose` perhaps fewer than `limit` although more may follow
 * @throws Problem CURSOR_INVALID
 */
export async function readPage<Item extends { id: string }>(
  { em, entity, where, sorting, choose = async () => () => true }: PageSource<Item>,
  { limit = 50, cursor, sort }: SortedPageQuery,
): Promise<Page<Item>> {
  const order = orderOf(sorting, sort)
  const items: Item[] = []
  let last = cursor
  for (let looked = 0; items.length < limit && looked < lookedIntoAtMost;) {
    const matching = { $and: [...where, ...order.after(last)] } as FilterQuery<Item>
    const options = { orderBy: order.orderBy, limit: limit + 1 }
    const found = await readRows(em, entity, matching, options)
    const belongs = await choose(found)
    for (const item of found.slice(0, limit)) {
      if (items.length === limit) return { items, nextCursor: last! }
      if (await belongs(item)) items.push(item)
      last = order.cursorOf(item)
      looked++
    }
    if (found.length <= limit) return { items, nextCursor: null }
  }
  return { items, nextCursor: last! }
}
