import { keysOf, periodOf, type Scope } from './scope.ts'

/**
 * Tells whether a snapshot of one scope holds all records of another, by what the scopes declare alone: a period never
 * covers keys, since a scope doesn't say when a record's date was.
 * @param zone the dataset's time zone
 */
export function coversScope(snapshot: Scope, wanted: Scope, zone: string): boolean {
  if ('all' in snapshot) return true
  const keys = keysOf(snapshot)
  if (keys !== null) return coversKeys(keys, keysOf(wanted))
  const [have, want] = [periodOf(snapshot, zone), periodOf(wanted, zone)]
  if (have === null || want === null) return false
  const startsBefore = have.from === null || (want.from !== null && have.from <= want.from)
  const endsAfter = have.to === null || (want.to !== null && have.to >= want.to)
  return startsBefore && endsAfter
}

function coversKeys(have: unknown[][], want: unknown[][] | null): boolean {
  if (want === null) return false
  const held = new Set(have.map((key) => JSON.stringify(key)))
  return want.every((key) => held.has(JSON.stringify(key)))
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
