import type { ItemRow } from './queries.ts'

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

function timeOf(text: string | null): string | null {
  return text === null ? null : new Date(text).toISOString()
}
