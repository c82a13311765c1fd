import type { EntityManager } from '../platform/database.ts'
import { addCounts, insertItems, type NewItem } from './queries.ts'

export type Items = AsyncIterable<NewItem> | Iterable<NewItem>

/** How many items are in memory at once. */
const chunk = 1000

/**
 * Streams items into a batch, in the entity manager's transaction. An item whose id is there already stays as it is.
 * @returns how many came, and how many of them were new
 */
export async function addItems(
  em: EntityManager,
  batchId: string,
  items: Items,
): Promise<{ received: number; added: number }> {
  let received = 0
  let added = 0
  for await (const some of inChunks(items)) {
    received += some.length
    added += await insertItems(em, batchId, some)
  }
  if (added > 0) await addCounts(em, batchId, { total: added, completed: 0, failed: 0 })
  return { received, added }
}

async function* inChunks(items: Items): AsyncGenerator<NewItem[]> {
  let some: NewItem[] = []
  for await (const item of items) {
    some.push(item)
    if (some.length < chunk) continue
    yield some
    some = []
  }
  if (some.length > 0) yield some
}
