/** How figures and times read on pages and in notices: English, 24 hours, decimal units. */

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']

/** `1.2 MB`; powers of 1,000, as disks are sold. */
export function wordBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  const digits = unit === 0 || value >= 99.5 ? 0 : 1
  return `${value.toFixed(digits)} ${units[unit]}`
}

const grouped = new Intl.NumberFormat('en')

/** `12,345`. */
export function wordNumber(value: number | bigint): string {
  return grouped.format(value)
}

/** `1 record`, `2,000 records`. @param many the plural when an s doesn't make it */
export function wordCount(count: number, one: string, many = `${one}s`): string {
  return `${wordNumber(count)} ${count === 1 ? one : many}`
}

const spans: [milliseconds: number, word: string][] = [
  [365.25 * 86_400_000, 'year'],
  [30.44 * 86_400_000, 'month'],
  [86_400_000, 'day'],
  [3_600_000, 'hour'],
  [60_000, 'minute'],
]

/** A length of time in its largest whole unit: `3 hours`, `2 days`, `under a minute`. */
export function wordSpan(milliseconds: number): string {
  for (const [length, word] of spans) {
    if (milliseconds >= length) return wordCount(Math.floor(milliseconds / length), word)
  }
  return 'under a minute'
}

/** How long something took: `340 ms`, `4.2 s`, `3 min 20 s`, `2 h 5 min`. */
export function wordDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`
  const seconds = milliseconds / 1000
  if (seconds < 59.95) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

const parts = {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
} as const

const dayAndTime = new Intl.DateTimeFormat('en-GB', { ...parts, timeZone: 'UTC' })

/** `20 Nov 2026, 19:06 UTC`, or with another zone's name. */
export function wordTime(at: Date, zone = 'UTC'): string {
  const words = zone === 'UTC' ? dayAndTime : new Intl.DateTimeFormat('en-GB', { ...parts, timeZone: zone })
  return `${words.format(at)} ${zone}`
}

const dayOnly = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  timeZone: 'UTC',
})

/** `20 Nov 2026`, as UTC has it. */
export function wordDay(at: Date): string {
  return dayOnly.format(at)
}

const monthAndYear = new Intl.DateTimeFormat('en-GB', { month: 'long', year: 'numeric', timeZone: 'UTC' })

/** `November 2026`, as UTC has it. */
export function wordMonth(at: Date): string {
  return monthAndYear.format(at)
}

/** A scope as people say it: `everything`, `October 2026`, `2026-01-01 to 2026-02-01`, `Gaming`, `12 records`. */
export function wordScope(scope: unknown): string {
  const { keys, month, from, to } = (scope ?? {}) as Record<string, unknown>
  if (Array.isArray(keys)) return keys.length === 1 ? wordKey(keys[0]) : wordCount(keys.length, 'record')
  if (typeof month === 'string') return monthAndYear.format(new Date(`${month}-01T00:00:00Z`))
  if (typeof from === 'string' && typeof to === 'string') return `${wordEdge(from)} to ${wordEdge(to)}`
  if (typeof from === 'string') return `from ${wordEdge(from)}`
  if (typeof to === 'string') return `before ${wordEdge(to)}`
  return 'everything'
}

/** The edge of a period: a day as it is, an instant in words. */
function wordEdge(edge: string): string {
  return edge.includes('T') ? wordTime(new Date(edge)) : edge
}

/** A record's key: its values joined by a comma when it has several columns. */
export function wordKey(key: unknown): string {
  return Array.isArray(key) ? key.map(String).join(', ') : String(key)
}
