import { dayOf, nextDay, printDate, type CalendarDate } from '../datasets/calendar.ts'

/** The usual ranges by the names that forms and addresses have for them. */
export const rangeNames = [
  'last-7-days',
  'this-month',
  'last-month',
  'this-quarter',
  'last-quarter',
  'this-year',
] as const

/** A span of days that people ask for often; `to` is the day after its last. */
export interface Range {
  name: (typeof rangeNames)[number]
  label: string
  from: string
  to: string
}

/** The usual ranges as of an instant, in a dataset's time zone. */
export function usualRanges(now: Date, zone: string): Range[] {
  const { date: today } = dayOf(now, zone)
  const tomorrow = printDate(nextDay(today))
  const sinceQuarter = -((today.month - 1) % 3)
  const [month, quarter] = [printDate(firstOfMonth(today, 0)), printDate(firstOfMonth(today, sinceQuarter))]
  const range = (name: Range['name'], label: string, from: string, to = tomorrow) => ({
    name,
    label,
    from,
    to,
  })
  return [
    range('last-7-days', 'Last 7 days', printDate(daysBefore(today, 6))),
    range('this-month', 'This month', month),
    range('last-month', 'Last month', printDate(firstOfMonth(today, -1)), month),
    range('this-quarter', 'This quarter', quarter),
    range('last-quarter', 'Last quarter', printDate(firstOfMonth(today, sinceQuarter - 3)), quarter),
    range('this-year', 'This year', printDate({ ...today, month: 1, day: 1 })),
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
