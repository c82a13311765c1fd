import { raw, type EntityClass, type FilterQuery } from '@mikro-orm/core'
import type { QBFilterQuery } from '@mikro-orm/postgresql'
import type { EntityManager } from './database.ts'
import type { Count } from './list-page.ts'

/** Nobody needs to know more precisely, and counting further would take longer than the page. */
const countedUpTo = 10_000

/** Counts what a filter matches, up to 10,000. */
export async function countMatching<Item extends object>(
  em: EntityManager,
  entity: EntityClass<Item>,
  where: FilterQuery<Item>,
): Promise<Count> {
  const fork = em.fork()
  const some = fork
    .createQueryBuilder(entity)
    .select(raw('1'))
    .where(where as QBFilterQuery<Item>)
    .limit(countedUpTo + 1)
  const { sql, params } = some.toRaw()
  const [row] = await fork.execute<[{ n: number }]>(
    raw(`SELECT count(*)::int AS n FROM (${sql}) AS matching`, [...params]),
  )
  return { count: Math.min(row.n, countedUpTo), isExact: row.n <= countedUpTo }
}
