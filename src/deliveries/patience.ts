import { setTimeout as rest } from 'node:timers/promises'
import { BatchPaused } from '../batches/batch-paused.ts'
import { Problem } from '../platform/errors.ts'

/** How often something that may pass is tried, and how long the first rest is. The rests double: 12 s in all. */
const tries = 7
const firstRestMs = 200

/**
 * Does something that a store's bad moment may upset. What lasts pauses the whole batch, since the other files would
 * fare no better; nothing is counted against the file.
 * @throws BatchPaused with the store's own words
 */
export async function patiently<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      signal.throwIfAborted()
      const code = error instanceof Problem ? error.code : null
      if (code === 'STORE_FULL') throw new BatchPaused((error as Problem).message)
      if (code !== 'STORE_UNREACHABLE') throw error
      if (attempt === tries) throw new BatchPaused((error as Problem).message)
      await rest(backoff(attempt), undefined, { signal })
    }
  }
}

/** Milliseconds to wait after so many tries, spread so that several don't come back at the same moment. */
export function backoff(attempt: number): number {
  return firstRestMs * 2 ** (attempt - 1) * (0.75 + Math.random() / 2)
}
