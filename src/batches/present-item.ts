import type { ItemRow } from './item-queries.ts'

/** An item as the API answers with it. */
export function presentItem({
  id,
  state,
  payload,
  attempts,
  failures,
  result,
  error,
  worker,
  ...times
}: ItemRow) {
  return {
    ...{ id, status: state, payload, attempts, failures, result, error, worker },
    notBefore: timeOf(times.notBefore),
    settledAt: timeOf(times.settledAt),
    leaseExpiresAt: timeOf(times.leaseExpiresAt),
  }
}

/** The same for pages, which find an item by its place: an id may be anything, and so not part of an address. */
export function presentRow(row: ItemRow) {
  return { ...presentItem(row), position: row.position }
}

function timeOf(text: string | null): string | null {
  return text === null ? null : new Date(text).toISOString()
}
