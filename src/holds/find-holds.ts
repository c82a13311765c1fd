import type { FilterQuery } from '@mikro-orm/core'
import type { EntityManager } from '../platform/database.ts'
import type { KeyValue } from '../source/keys.ts'
import { holdProblems } from './errors.ts'
import { Hold, keyText } from './hold.ts'

/** What a list of holds is narrowed to. */
export interface HoldFilter {
  dataset?: string | undefined
  /** One record's, as `keyText` writes its key. */
  key?: string | undefined
}

/** @param before the last id of the page before @returns newest first; ids are ordered by time */
export async function findHolds(
  em: EntityManager,
  { dataset, key }: HoldFilter,
  limit: number,
  before?: string,
): Promise<Hold[]> {
  const where: FilterQuery<Hold> = {
    ...(dataset !== undefined && { dataset }),
    ...(key !== undefined && { key }),
    ...(before !== undefined && { id: { $lt: before } }),
  }
  return em.fork().find(Hold, where, { orderBy: { id: 'desc' }, limit })
}

/** @throws Problem HOLD_NOT_FOUND */
export async function findHold(em: EntityManager, id: string): Promise<Hold> {
  const hold = await em.findOne(Hold, { id })
  if (hold === null) throw holdProblems.HOLD_NOT_FOUND(`There is no hold ${id}.`)
  return hold
}

const active = (now: Date) => ({ $or: [{ until: null }, { until: { $gt: now } }] })

/**
 * Which of some records are held, as the entity manager's transaction sees it.
 * @param keys as artifacts have them
 * @returns keys as JSON lists
 */
export async function heldKeys(
  em: EntityManager,
  dataset: string,
  keys: readonly (readonly KeyValue[])[],
  now: Date,
): Promise<Set<string>> {
  if (keys.length === 0) return new Set()
  const where = { dataset, key: { $in: keys.map(keyText) }, ...active(now) }
  const held = await em.find(Hold, where, { fields: ['key'], disableIdentityMap: true })
  return new Set(held.map(({ key }) => key))
}

/** All records of a dataset that are held, each once. */
export async function allHeldKeys(em: EntityManager, dataset: string, now: Date): Promise<KeyValue[][]> {
  const held = await em.find(
    Hold,
    { dataset, ...active(now) },
    { fields: ['key'], disableIdentityMap: true, orderBy: { key: 'asc' } },
  )
  return [...new Set(held.map(({ key }) => key))].map((key) => JSON.parse(key) as KeyValue[])
}
