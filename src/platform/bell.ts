export interface Bell {
  ring: () => void
  /** Forgets earlier rings: before a look, so that a change during the look still counts. */
  reset: () => void
  /** Waits until it has rung since the last reset, or for `timeoutMs`. @returns whether it has rung */
  rung: (timeoutMs: number) => Promise<boolean>
}

/** Lets one loop wait for whatever may wake it: a signal, the end of a connection, the service's shutdown. */
export function createBell(): Bell {
  let { promise, resolve } = Promise.withResolvers<void>()
  return {
    ring: () => resolve(),
    reset: () => void ({ promise, resolve } = Promise.withResolvers<void>()),
    async rung(timeoutMs) {
      let inTime = true
      const timer = setTimeout(() => {
        inTime = false
        resolve()
      }, timeoutMs)
      await promise
      clearTimeout(timer)
      return inTime
    },
  }
}
