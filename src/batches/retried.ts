import type { Retried } from './item-queries.ts'

/** Which failed items a request wants done again; null: none. */
export function retriedOf(wanted: boolean | string[] | { error: string } | undefined): Retried | null {
  if (wanted === undefined || wanted === false) return null
  if (wanted === true) return { all: true }
  return Array.isArray(wanted) ? { ids: wanted } : wanted
}
