import type { KeyValue } from '../source/keys.ts'
import type { Hold } from './hold.ts'

/** A hold as the API answers with it. */
export function presentHold(hold: Hold, now: Date) {
  const { id, dataset, reason, createdBy } = hold
  const key = JSON.parse(hold.key) as KeyValue[]
  return {
    ...{ id, dataset, reason, createdBy },
    key: key.length === 1 ? key[0]! : key,
    until: hold.until?.toISOString() ?? null,
    active: hold.isActive(now),
    createdAt: hold.createdAt.toISOString(),
  }
}
