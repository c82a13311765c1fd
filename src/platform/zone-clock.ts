const day = 86_400_000

const clocks = new Map<string, ZoneClock>()

/** The clock of a zone; making one takes a while, so each is made once. @param zone an IANA zone's name, or `UTC` */
export function zoneClock(zone: string): ZoneClock {
  const clock = clocks.get(zone) ?? new ZoneClock(zone)
  clocks.set(zone, clock)
  return clock
}

/**
 * What the clocks of a time zone show, by the rules that come with Node (ICU's copy of the IANA database). A local time is
 * written as the instant at which a clock in UTC shows the same; all in milliseconds.
 */
export class ZoneClock {
  private readonly format: Intl.DateTimeFormat

  constructor(zone: string) {
    this.format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      calendar: 'iso8601',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  }

  /** How far the zone's clocks are ahead of UTC at an instant. */
  offset(instant: number): number {
    const parts = Object.fromEntries(
      this.format.formatToParts(instant).map(({ type, value }) => [type, value]),
    )
    const field = (name: string) => Number(parts[name])
    const year = parts['era']?.startsWith('B') ? 1 - field('year') : field('year')
    // Date.UTC takes the years 0 to 99 for 1900 to 1999.
    const date = new Date(0).setUTCFullYear(year, field('month') - 1, field('day'))
    const local = date + field('hour') * 3_600_000 + field('minute') * 60_000 + field('second') * 1000
    return local - Math.floor(instant / 1000) * 1000
  }

  /** The instants at which the clocks show a local time: one; two when they are set back over it; none when they skip it. */
  instants(local: number): number[] {
    const candidates = new Set(this.candidates(local))
    return [...candidates].filter((instant) => instant + this.offset(instant) === local).sort((a, b) => a - b)
  }

  /** The first instant at which the clocks show a local time, or where they skip it, the moment after the gap. */
  first(local: number): number {
    return this.instants(local)[0] ?? this.afterGap(local)
  }

  private candidates(local: number): [number, number] {
    return [local - this.offset(local - day), local - this.offset(local + day)]
  }

  /** Finds, by halving, the instant at which the clocks are set forward over a local time. */
  private afterGap(local: number): number {
    const [a, b] = this.candidates(local)
    let [low, high] = [Math.min(a, b), Math.max(a, b)]
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2)
      if (middle + this.offset(middle) >= local) high = middle
      else low = middle
    }
    return high
  }
}
