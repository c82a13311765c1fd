import type { EntityManager } from '../platform/database.ts'
import type { KeyValue } from '../source/keys.ts'
import { holdProblems } from './errors.ts'
import { Hold, keyText } from './hold.ts'

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
