import type { FilterQuery } from '@mikro-orm/core'
import type { Order } from './sorting.ts'

/** Which part of a list is asked for. */
export interface PageQuery {
  limit?: number | undefined
  cursor?: string | undefined
}

/** One page of a list: its items, and where the next one begins. */
export interface Page<Item> {
  items: Item[]
  nextCursor: string | null
}

/** How a list is read. */
export interface PageSource<Item> {
  order: Order<Item>
  /** Finds items in that order. @param after conditions in addition to those of the filter */
  find(after: FilterQuery<Item>[], limit: number): Promise<Item[]>
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
export async function readPage<Item>(
  { order, find, choose = async () => () => true }: PageSource<Item>,
  { limit = 50, cursor }: PageQuery,
): Promise<Page<Item>> {
  const items: Item[] = []
  let last = cursor
  for (let looked = 0; looked < lookedIntoAtMost;) {
    const found = await find(order.after(last), limit + 1)
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
