import Type from 'typebox'
import { decodeCursor, encodeCursor } from '../platform/cursors.ts'
import type { EntityManager } from '../platform/database.ts'
import type { Page, PageQuery } from '../platform/read-page.ts'
import { listItems, type ItemRow } from './item-queries.ts'
import type { ItemFilter } from './item.ts'
import type { Sorting } from '../platform/sorting.ts'

/** Where a page ended: the item's position, or its id where ids are looked for. */
const Position = Type.Tuple([Type.String({ pattern: '^\\d{1,18}$' })])
const Id = Type.Tuple([Type.String({ maxLength: 200 })])

export interface ItemsQuery extends ItemFilter, PageQuery {
  /** `-item`: the last first. */
  sort?: string | undefined
}

export const itemSorting: Sorting<never> = { columns: { item: { is: 'id' } }, usual: 'item' }

/** A page of a batch's items. @throws Problem CURSOR_INVALID */
export async function pageOfItems(
  em: EntityManager,
  batchId: string,
  { limit = 50, cursor, sort, ...filter }: ItemsQuery,
): Promise<Page<ItemRow>> {
  const isSearch = filter.id !== undefined
  const [after] = decodeCursor(cursor, isSearch ? Id : Position) ?? [null]
  const found = await listItems(em.fork(), batchId, filter, {
    after,
    limit: limit + 1,
    isDown: sort === '-item',
  })
  const last = found.length > limit ? found[limit - 1] : undefined
  const nextCursor = last === undefined ? null : encodeCursor([isSearch ? last.id : last.position])
  return { items: found.slice(0, limit), nextCursor }
}
