import { zoneClock } from '../platform/zone-clock.ts'

const dayMs = 86_400_000

/** A day as the clocks of a zone show it. */
export interface Day {
  /** Its beginning there. */
  start: Date
  /** Written as the instant at which UTC has the same date. */
  date: Date
}

/**
 * The days of whole weeks, from Monday on, that end with the present one.
 * @param weeks how many, the present one included
 */
export function daysOfWeeks(now: Date, timezone: string, weeks: number): Day[] {
  const clock = zoneClock(timezone)
  const local = now.getTime() + clock.offset(now.getTime())
  const today = local - (local % dayMs)
  const weekday = (new Date(today).getUTCDay() + 6) % 7
  const count = (weeks - 1) * 7 + weekday + 1
  return Array.from({ length: count }, (_, i) => {
    const date = today - (count - 1 - i) * dayMs
    return { start: new Date(clock.first(date)), date: new Date(date) }
  })
}
