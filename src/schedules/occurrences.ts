import { CronExpressionParser } from 'cron-parser'
import { zoneClock, type ZoneClock } from '../platform/zone-clock.ts'

/** When something is due: five cron fields (minute, hour, day, month, weekday), read on the clocks of a time zone. */
export interface Rule {
  cron: string
  /** An IANA zone's name, or `UTC`. */
  timezone: string
}

/** The longest that clocks are set back by, with room to spare: what is due twice is looked for this far behind. */
const longestFold = 3 * 3_600_000

/**
 * The occurrences of a rule, in order, without end unless the rule has one. Where the clocks are changed:
 *
 * - A rule that names its hours (`30 2 * * *`) is due once for each local time. One that the clocks skip is due at the first
 *   moment after the gap; one that they show twice is due at the first.
 * - A rule for every hour (`*` as the hour, such as `15 * * * *`) goes by elapsed time: whenever the clocks show such a
 *   time, so through both of two equal hours, and not in a gap.
 *
 * Local times come from cron-parser on a clock that is never changed; the zone is ours, since cron-parser shifts a skipped
 * time by the width of the gap instead.
 * @param after exclusive
 */
export function* occurrences({ cron, timezone }: Rule, after: Date): Generator<Date> {
  const clock = zoneClock(timezone)
  const everyHour = /^[*?](\/1)?$/.test(cron.split(' ')[1]!)
  const start = after.getTime()
  let waiting: number[] = []
  let last = start
  for (const local of localTimes(cron, start + clock.offset(start) - (everyHour ? longestFold : 0))) {
    const first = clock.first(local)
    // Whatever follows is due at `first` or later, so what is due before it can't be overtaken any more.
    for (const instant of waiting) {
      if (instant >= first || instant <= last) continue
      last = instant
      yield new Date(instant)
    }
    waiting = [...waiting.filter((instant) => instant > last), ...dueAt(clock, local, everyHour)]
    waiting.sort((a, b) => a - b)
  }
  for (const instant of new Set(waiting)) if (instant > last) yield new Date(instant)
}

function dueAt(clock: ZoneClock, local: number, everyHour: boolean): number[] {
  return everyHour ? clock.instants(local) : [clock.first(local)]
}

/** The times that a clock which is never changed shows when the rule is due; from `after` on, itself exclusive. */
function* localTimes(cron: string, after: number): Generator<number> {
  const times = CronExpressionParser.parse(cron, { tz: 'UTC', currentDate: new Date(after) })
  while (times.hasNext()) yield times.next().getTime()
}

/** The occurrences after one instant and until another, itself inclusive. */
export function occurrencesBetween(rule: Rule, after: Date, until: Date): Date[] {
  const found: Date[] = []
  for (const occurrence of occurrences(rule, after)) {
    if (occurrence > until) break
    found.push(occurrence)
  }
  return found
}

/** The next few occurrences. */
export function nextOccurrences(rule: Rule, after: Date, count: number): Date[] {
  return occurrences(rule, after).take(count).toArray()
}

/** What is wrong with a cron; null when nothing is. `H` would be another time in each process. */
export function cronProblem(cron: string): string | null {
  if (/(^|[ ,])H/i.test(cron)) return '`H` is not a time'
  try {
    const [first] = nextOccurrences({ cron, timezone: 'UTC' }, new Date(), 1)
    return first === undefined ? 'it is never due' : null
  } catch (error) {
    return (error as Error).message
  }
}
