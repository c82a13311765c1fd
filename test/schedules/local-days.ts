const day = 86_400_000
const quarter = 15 * 60_000

/** A time of day, on the clocks of a zone. */
export interface Daily {
  hour: number
  minute: number
  timezone: string
  /** Which days; all unless told. */
  on?: (day: Date) => boolean
}

/**
 * When a time of day comes, day by day, without any cron: the first quarter of an hour at which the zone's clocks show that
 * time or, on that day, a later one.
 * @param from inclusive, @param to exclusive; days
 */
export function localTimes({ hour, minute, timezone, on = () => true }: Daily, from: string, to: string) {
  const clock = new Intl.DateTimeFormat('sv-SE', {
    timeZone: timezone,
    dateStyle: 'short',
    timeStyle: 'short',
  })
  const found: string[] = []
  for (let at = Date.parse(`${from}T00:00Z`); at < Date.parse(`${to}T00:00Z`); at += day) {
    if (!on(new Date(at))) continue
    const date = new Date(at).toISOString().slice(0, 10)
    const time = [hour, minute].map((part) => String(part).padStart(2, '0')).join(':')
    let instant = at + hour * 3_600_000 + minute * 60_000 - day
    const shown = () => clock.format(instant)
    while (instant < at + 2 * day && shown() < `${date} ${time}`) {
      // A whole step while it is far away: 90 minutes are more than clocks are ever changed by here.
      const apart = Date.parse(`${date}T${time}Z`) - Date.parse(`${shown().replace(' ', 'T')}Z`)
      instant += apart > 3 * 3_600_000 ? apart - 90 * 60_000 : quarter
      instant -= instant % quarter
    }
    found.push(new Date(instant).toISOString())
  }
  return found
}
