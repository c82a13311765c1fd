import type { KeyValue } from '../source/keys.ts'
import { dayOf, printDate } from './calendar.ts'
import { keysOf, periodOf, type Scope } from './scope.ts'

/** What of a wanted scope another doesn't cover. */
export interface Lack {
  /** For people, to go after "does not cover". */
  words: string
  /** To compare what lacks less of the same wanted scope with what lacks more. */
  size: number
}

/**
 * Tells whether a snapshot of one scope holds all records of another, by what the scopes declare alone: a period never
 * covers keys, since a scope doesn't say when a record's date was.
 * @param zone the dataset's time zone
 */
export function coversScope(snapshot: Scope, wanted: Scope, zone: string): boolean {
  return lackOf(snapshot, wanted, zone) === null
}

/** What of the wanted scope a snapshot of another lacks, judged as `coversScope` does; null when it lacks nothing. */
export function lackOf(snapshot: Scope, wanted: Scope, zone: string): Lack | null {
  if ('all' in snapshot) return null
  const [held, keys] = [keysOf(snapshot), keysOf(wanted)]
  if (held !== null && keys !== null) return lackOfKeys(held, keys)
  if (held !== null)
    return { words: `${subject(wanted)} other than the ${held.length} it lists`, size: Infinity }
  if (keys !== null) {
    const words = `${describeScope(wanted)}, as a period does not tell which records it holds`
    return { words, size: Infinity }
  }
  return lackOfPeriod(snapshot, wanted, zone)
}

function lackOfKeys(held: KeyValue[][], wanted: KeyValue[][]): Lack | null {
  const known = new Set(held.map((key) => JSON.stringify(key)))
  const missing = wanted.filter((key) => !known.has(JSON.stringify(key)))
  return missing.length === 0 ? null : { words: describeKeys(missing), size: missing.length }
}

function lackOfPeriod(snapshot: Scope, wanted: Scope, zone: string): Lack | null {
  const [have, want] = [boundsOf(snapshot, zone), boundsOf(wanted, zone)]
  const apart = have.to <= want.from || have.from >= want.to
  if (apart) return { words: subject(wanted), size: want.to - want.from }
  const gaps = [
    { from: want.from, to: have.from },
    { from: have.to, to: want.to },
  ].filter(({ from, to }) => from < to)
  if (gaps.length === 0) return null
  return {
    words: `the records ${gaps.map((gap) => describeGap(gap, zone)).join(' and ')}`,
    size: gaps.reduce((sum, { from, to }) => sum + (to - from), 0),
  }
}

function subject(wanted: Scope): string {
  return 'all' in wanted
    ? 'all records'
    : `the records ${'month' in wanted ? 'of ' : ''}${describeScope(wanted)}`
}

/** Milliseconds since 1970; all records are a period without ends. */
function boundsOf(scope: Scope, zone: string): { from: number; to: number } {
  const { from = null, to = null } = periodOf(scope, zone) ?? {}
  return { from: from?.getTime() ?? -Infinity, to: to?.getTime() ?? Infinity }
}

function describeGap({ from, to }: { from: number; to: number }, zone: string): string {
  const words = [
    from === -Infinity ? '' : `from ${describeInstant(new Date(from), zone)}`,
    to === Infinity ? '' : `before ${describeInstant(new Date(to), zone)}`,
  ]
  return words.filter(Boolean).join(', ')
}

/** As a scope would name it: the day that it begins, else UTC. */
function describeInstant(at: Date, zone: string): string {
  const { date, isStart } = dayOf(at, zone)
  return isStart ? printDate(date) : at.toISOString()
}

/** A scope in words, for people: `October 2026`, `3 records: a, b, c`. */
export function describeScope(scope: Scope): string {
  if ('all' in scope) return 'all records'
  const keys = keysOf(scope)
  if (keys !== null) return describeKeys(keys)
  if ('month' in scope) return monthName(scope.month)
  const { from, to } = scope as { from?: string; to?: string }
  return [from === undefined ? '' : `from ${from}`, to === undefined ? '' : `before ${to}`]
    .filter(Boolean)
    .join(', ')
}

function describeKeys(keys: unknown[][]): string {
  const shown = keys.slice(0, 3).map((key) => key.join(' / '))
  const list = keys.length > 3 ? `${shown.join(', ')}, …` : shown.join(', ')
  return `${keys.length} ${keys.length === 1 ? 'record' : 'records'}: ${list}`
}

function monthName(month: string): string {
  const format = new Intl.DateTimeFormat('en', { month: 'long', year: 'numeric', timeZone: 'UTC' })
  return format.format(new Date(`${month}-01T00:00:00Z`))
}
