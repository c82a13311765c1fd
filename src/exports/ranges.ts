import { dayOf, nextDay, printDate, type CalendarDate } from '../datasets/calendar.ts'

/** A span of days that people ask for often; `to` is the day after its last. */
export interface Range {
  label: string
  from: string
  to: string
}

/** The usual ranges as of an instant, in a dataset's time zone. */
export function usualRanges(now: Date, zone: string): Range[] {
  const { date: today } = dayOf(now, zone)
  const tomorrow = printDate(nextDay(today))
  const month = firstOfMonth(today, 0)
  const quarter = firstOfMonth(today, -((today.month - 1) % 3))
  return [
    { label: 'Last 7 days', from: printDate(daysBefore(today, 6)), to: tomorrow },
    { label: 'This month', from: printDate(month), to: tomorrow },
    { label: 'Last month', from: printDate(firstOfMonth(today, -1)), to: printDate(month) },
    { label: 'This quarter', from: printDate(quarter), to: tomorrow },
    { label: 'This year', from: printDate({ ...today, month: 1, day: 1 }), to: tomorrow },
  ]
}

function firstOfMonth({ year, month }: CalendarDate, months: number): CalendarDate {
  const index = year * 12 + month - 1 + months
  return { year: Math.floor(index / 12), month: (index % 12) + 1, day: 1 }
}

function daysBefore({ year, month, day }: CalendarDate, days: number): CalendarDate {
  const date = new Date(Date.UTC(year, month - 1, day - days))
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() }
}
