export interface Bell {
  ring: () => void
  /** Forgets earlier rings: before a look, so that a change during the look still counts. */
  reset: () => void
  /** Waits until it has rung since the last reset, or for `timeoutMs`. */
  rung: (timeoutMs: number) => Promise<void>
}

/** Lets one loop wait for whatever may wake it: a signal, the end of a connection, the service's shutdown. */
export function createBell(): Bell {
  let { promise, resolve } = Promise.withResolvers<void>()
  return {
    ring: () => resolve(),
    reset: () => void ({ promise, resolve } = Promise.withResolvers<void>()),
    async rung(timeoutMs) {
      const timer = setTimeout(resolve, timeoutMs)
      await promise
      clearTimeout(timer)
    },
  }
}
