import type { EntityName, FilterQuery, QueryOrderMap } from '@mikro-orm/core'
import type { EntityManager } from './database.ts'

/**
 * Finds rows that are only to be shown. They are what `em.find` would give, but nobody keeps watch over them: no identity
 * map, and no copy to tell changes by. For entities without relations.
 */
export async function readRows<Item extends object>(
  em: EntityManager,
  entity: EntityName<Item>,
  where: FilterQuery<Item>,
  { orderBy, limit }: { orderBy: QueryOrderMap<Item>[]; limit: number },
): Promise<Item[]> {
  const reader = em.fork()
  const rows = await reader
    .createQueryBuilder(entity)
    .where(where as object)
    .orderBy(orderBy)
    .limit(limit)
    .execute<Item[]>('all')
  const { prototype, props } = reader.getMetadata(entity)
  const converted = props.filter(({ customType }) => customType !== undefined)
  return rows.map((row) => {
    const item = Object.assign(Object.create(prototype as object) as Item, row)
    for (const { name, customType } of converted)
      if (item[name] !== null)
        item[name] = customType!.convertToJSValue(item[name], reader.getPlatform()) as never
    return item
  })
}
