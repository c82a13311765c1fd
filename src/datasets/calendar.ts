import { zoneClock } from '../platform/zone-clock.ts'

/** Dates and months in a time zone, by the rules that come with Node (ICU's copy of the IANA database). */

/** True for an IANA zone's name such as `Europe/Paris`, and for `UTC`. */
export function isTimeZone(name: string): boolean {
  try {
    return (
      new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '' &&
      !/^[+-]/.test(name)
    )
  } catch {
    return false
  }
}

export interface CalendarDate {
  year: number
  /** From 1. */
  month: number
  day: number
}

/** Reads `YYYY-MM-DD`; null for a day that no calendar has. */
export function parseDate(text: string): CalendarDate | null {
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? []
  const date = { year: Number(year), month: Number(month), day: Number(day) }
  if (year === undefined || date.year < 1) return null
  const utc = new Date(utcMidnight(date))
  return utc.getUTCMonth() + 1 === date.month && utc.getUTCDate() === date.day ? date : null
}

/** The first day of `YYYY-MM`; null for a month that no calendar has. */
export function parseMonth(text: string): CalendarDate | null {
  return /^\d{4}-\d{2}$/.test(text) ? parseDate(`${text}-01`) : null
}

/** The first day of the month after. */
export function nextMonth({ year, month }: CalendarDate): CalendarDate {
  return month === 12 ? { year: year + 1, month: 1, day: 1 } : { year, month: month + 1, day: 1 }
}

export function printDate({ year, month, day }: CalendarDate): string {
  return `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`
}

/**
 * The instant at which a day begins in a zone: its midnight, or where the clocks skip midnight, the moment after the
 * gap; where midnight comes twice, the first.
 */
export function startOfDay(date: CalendarDate, zone: string): Date {
  return new Date(zoneClock(zone).first(utcMidnight(date)))
}

/** The day on which an instant falls in a zone, and whether it is that day's very beginning. */
export function dayOf(instant: Date, zone: string): { date: CalendarDate; isStart: boolean } {
  const local = new Date(instant.getTime() + zoneClock(zone).offset(instant.getTime()))
  const date = { year: local.getUTCFullYear(), month: local.getUTCMonth() + 1, day: local.getUTCDate() }
  return { date, isStart: startOfDay(date, zone).getTime() === instant.getTime() }
}

/** The day after. */
export function nextDay(date: CalendarDate): CalendarDate {
  const utc = new Date(utcMidnight(date) + day)
  return { year: utc.getUTCFullYear(), month: utc.getUTCMonth() + 1, day: utc.getUTCDate() }
}

const day = 86_400_000

function utcMidnight({ year, month, day }: CalendarDate): number {
  // Date.UTC takes the years 0 to 99 for 1900 to 1999.
  return new Date(0).setUTCFullYear(year, month - 1, day)
}
