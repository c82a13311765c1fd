/** Work that goes on, as views/partials/progress.eta shows it. */
export interface Pace {
  done: number
  /** 0 when nobody can tell, or when there turned out to be more. */
  total: number
  /** Per second; 0 while it is too early to tell. */
  rate: number
  secondsLeft: number
}

/** Before this, a rate says more about the start than about the work. */
const tellingSeconds = 1

/**
 * How fast work goes and how long it will go on.
 * @param expected how much there is in all, as far as that can be known; 0: unknown
 * @param seconds since it began
 */
export function paceOf(done: number, expected: number, seconds: number): Pace {
  const total = done > expected ? 0 : expected
  const rate = seconds >= tellingSeconds ? done / seconds : 0
  return { done, total, rate, secondsLeft: rate > 0 && total > 0 ? (total - done) / rate : 0 }
}
