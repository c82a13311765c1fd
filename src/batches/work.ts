import type { ClaimedItem } from './lease-queries.ts'
import type { Report } from './group-commit.ts'

/** What a run does with items: calls a handler of ours, or a webhook. */
export interface Work {
  /** Calls at once. */
  concurrency: number
  /** Items that go together. */
  perCall: number
  /**
   * @param items at least one, at most `perCall`
   * @throws BatchPaused; what aborted `signal`; whatever is no item's fault
   */
  do(items: ClaimedItem[], signal: AbortSignal): Promise<Report[]>
}

/** How long an item that failed waits for its next go, if it has one: twice as long each time, up to five minutes. */
export function backoffMs(attempt: number): number {
  return Math.min(1000 * 2 ** (attempt - 1), 300_000)
}
