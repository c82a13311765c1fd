import type { FastifyInstance } from 'fastify'
import { wordCount, wordDay, wordMonth } from '../platform/wording.ts'
import { daysOfWeeks, type Day } from './calendar.ts'
import { runsByDay } from './queries.ts'

/** How many weeks the calendar shows: a year. */
const weeks = 53

type Counts = { done: number; failed: number; missed: number }

/** What is drawn of a day on which something was due. */
export interface CalendarDay extends Counts {
  column: number
  row: number
  tone: 'good' | 'warn' | 'bad'
  words: string
}

/**
 * The runs of all schedules within the last 12 months, by day as the configured time zone has it: as a calendar with a
 * column for each week, and by month for those who read rather than look.
 */
export async function runCalendar({ orm, clock, config }: FastifyInstance) {
  const days = daysOfWeeks(clock.now(), config.timezone, weeks)
  const counts = await countRuns(orm.em.fork(), days, clock.now())
  return {
    weeks,
    days: days.flatMap((day, i) => drawDay(day, i, counts.get(i + 1))),
    total: days.length,
    months: labelMonths(days),
    byMonth: sumByMonth(days, counts),
  }
}

async function countRuns(
  em: FastifyInstance['orm']['em'],
  days: Day[],
  now: Date,
): Promise<Map<number, Counts>> {
  const starts = days.map(({ start }) => start)
  const ends = [...starts.slice(1), now]
  const array = (times: Date[]) => `{${times.map((time) => time.toISOString()).join(',')}}`
  const rows = await em.execute<(Counts & { day: number })[]>(runsByDay, [array(starts), array(ends)])
  return new Map(rows.map(({ day, ...counts }) => [day, counts]))
}

const monthWords = new Intl.DateTimeFormat('en-GB', { month: 'short', timeZone: 'UTC' })

function drawDay({ date }: Day, i: number, counts: Counts | undefined): CalendarDay[] {
  if (counts === undefined) return []
  const tone = counts.failed > 0 ? 'bad' : counts.missed > 0 ? 'warn' : 'good'
  const words = `${wordDay(date)}: ${wordCounts(counts)}`
  return [{ ...counts, column: Math.floor(i / 7), row: i % 7, tone, words }]
}

function wordCounts({ done, failed, missed }: Counts): string {
  const parts = [`${wordCount(done, 'run')} done`]
  if (failed > 0) parts.push(`${failed} failed`)
  if (missed > 0) parts.push(`${missed} missed or skipped`)
  return parts.join(', ')
}

/** The name of each month over the week that its first day is in. */
function labelMonths(days: Day[]) {
  const firsts = days.flatMap(({ date }, i) => (date.getUTCDate() === 1 ? [{ date, i }] : []))
  return firsts.map(({ date, i }) => ({ column: Math.floor(i / 7), words: monthWords.format(date) }))
}

function sumByMonth(days: Day[], counts: Map<number, Counts>) {
  const months = new Map<string, Counts>()
  for (const [i, { date }] of days.entries()) {
    const month = wordMonth(date)
    const sums = months.get(month) ?? { done: 0, failed: 0, missed: 0 }
    const { done = 0, failed = 0, missed = 0 } = counts.get(i + 1) ?? {}
    months.set(month, { done: sums.done + done, failed: sums.failed + failed, missed: sums.missed + missed })
  }
  return [...months].map(([month, sums]) => ({ month, ...sums }))
}
