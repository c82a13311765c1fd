/** Twice a second is as often as anybody looks. */
const intervalMs = 500

/** Makes progress known to whoever watches. */
export interface Reporter<Progress> {
  report(progress: Progress): void
  /** Resolves when the last report is written. */
  settled(): Promise<void>
}

/**
 * Writes progress down at most twice a second. A report that can't be written is left out: progress is a courtesy, and
 * must not fail the work.
 */
export function createReporter<Progress>(write: (progress: Progress) => Promise<void>): Reporter<Progress> {
  let last = performance.now()
  let writing = Promise.resolve()
  return {
    report(progress) {
      if (performance.now() - last < intervalMs) return
      last = performance.now()
      writing = writing.then(() => write(progress)).catch(() => undefined)
    },
    settled: () => writing,
  }
}
