import type { Report } from './group-commit.ts'

/** Records what a run did, after every so many items. */
export interface ItemReporter {
  /** Resolves when they are recorded, or wait for others to be recorded with. */
  add(reports: Report[]): Promise<void>
  /** Records what waits. */
  flush(): Promise<void>
}

/** However few items there were, what was done is recorded this soon. */
const longestMs = 1000

/** @param every after how many items; 1: each by itself, before its worker takes another */
export function createReporter(every: number, record: (reports: Report[]) => Promise<void>): ItemReporter {
  let waiting: Report[] = []
  let since = performance.now()
  const flush = async () => {
    if (waiting.length === 0) return
    const reports = waiting
    waiting = []
    since = performance.now()
    await record(reports)
  }
  return {
    async add(reports) {
      waiting.push(...reports)
      if (waiting.length >= every || performance.now() - since > longestMs) await flush()
    },
    flush,
  }
}
