import Type from 'typebox'
import type { InputError } from '../platform/errors.ts'
import { quoteIdentifier, quoteLiteral } from '../source/identifiers.ts'
import { keyCondition, type KeyValue } from '../source/keys.ts'
import { nextMonth, parseDate, parseMonth, startOfDay } from './calendar.ts'
import type { Dataset } from './definition.ts'
import { datasetProblems } from './errors.ts'
import { readKey } from './read-key.ts'

/** Keys that one scope can list. */
export const maxKeys = 10_000

const KeyPart = Type.Union([Type.String(), Type.Number(), Type.Boolean()])

/** A scope in a request or an answer. Which combination it may be is checked with the dataset at hand. */
export const ScopeSchema = Type.Object(
  {
    all: Type.Optional(Type.Literal(true, { description: 'Every record; what an absent scope means.' })),
    keys: Type.Optional(
      Type.Array(Type.Union([KeyPart, Type.Array(KeyPart)]), {
        description: 'Records by key; lists of values where the key has several columns.',
      }),
    ),
    month: Type.Optional(Type.String({ description: 'Such as 2026-10, in the dataset’s time zone.' })),
    from: Type.Optional(
      Type.String({ description: 'A date in the dataset’s time zone, or an RFC 3339 time; included.' }),
    ),
    to: Type.Optional(Type.String({ description: 'Like `from`; not included.' })),
  },
  {
    additionalProperties: false,
    $id: 'Scope',
    description: 'Which records: exactly one of all, keys, month, or from with to.',
  },
)

/** A scope as somebody wrote it. */
export interface Scope {
  all?: true
  keys?: (KeyValue | KeyValue[])[]
  month?: string
  from?: string
  to?: string
}

/** A scope that was understood. */
export interface ParsedScope {
  kind: 'all' | 'keys' | 'period'
  /** In its one way of writing: keys as artifacts print them, without repetitions. */
  scope: Scope
  /** For `keys`: a list of values each. */
  keys: KeyValue[][]
  /** For `period`: the instants that it starts at, and ends before. */
  from: Date | null
  to: Date | null
}

/**
 * Reads a scope.
 * @param scope of the right shape; absent: all
 * @throws Problem SCOPE_INVALID with all that is wrong, pointed at below `pointer`; DATASET_WITHOUT_DATES
 */
export function parseScope(dataset: Dataset, scope: Scope = { all: true }, pointer = '/scope'): ParsedScope {
  const errors: InputError[] = []
  const parsed = parse(dataset, scope, (at, detail) => errors.push({ pointer: `${pointer}${at}`, detail }))
  if (errors.length === 0 && parsed !== null) return parsed
  const text = errors.slice(0, 5).map((error) => `${error.pointer} ${error.detail}`)
  throw datasetProblems.SCOPE_INVALID(text.join('; '), { errors })
}

type Note = (at: string, detail: string) => void

function parse(dataset: Dataset, scope: Scope, note: Note): ParsedScope | null {
  const given = (['all', 'keys', 'month'] as const).filter((name) => scope[name] !== undefined)
  const hasPeriod = scope.from !== undefined || scope.to !== undefined
  if (given.length + Number(hasPeriod) !== 1) {
    note('', 'must be exactly one of all, keys, month, or from with to')
    return null
  }
  if (scope.keys !== undefined) return parseKeys(dataset, scope.keys, note)
  if (scope.all) return { kind: 'all', scope: { all: true }, keys: [], from: null, to: null }
  if (dataset.root.dates === null)
    throw datasetProblems.DATASET_WITHOUT_DATES(`Dataset "${dataset.name}" declares no column of dates.`)
  return scope.month === undefined
    ? parsePeriod(dataset, scope, note)
    : parseMonthScope(dataset, scope.month, note)
}

function parseKeys({ root }: Dataset, keys: (KeyValue | KeyValue[])[], note: Note): ParsedScope | null {
  if (keys.length === 0) note('/keys', 'must list at least one key')
  if (keys.length > maxKeys) note('/keys', `may list ${maxKeys} keys at most, not ${keys.length}`)
  if (keys.length === 0 || keys.length > maxKeys) return null
  const read = keys
    .map((key, i) => readKey(root.key, key, (at, detail) => note(`/keys/${i}${at}`, detail)))
    .filter((key) => key !== null)
  const unique = [...new Map(read.map((key) => [JSON.stringify(key), key])).values()]
  return { kind: 'keys', scope: { keys: unique.map(shortKey) }, keys: unique, from: null, to: null }
}

/** A key as scopes have it: the value alone where the key has one column. */
export function shortKey(key: KeyValue[]): KeyValue | KeyValue[] {
  return key.length === 1 ? key[0]! : key
}

function parseMonthScope({ timezone }: Dataset, month: string, note: Note): ParsedScope | null {
  const first = parseMonth(month)
  if (first === null) {
    note('/month', 'must be a month such as 2026-10')
    return null
  }
  const [from, to] = [startOfDay(first, timezone), startOfDay(nextMonth(first), timezone)]
  return { kind: 'period', scope: { month }, keys: [], from, to }
}

function parsePeriod({ timezone }: Dataset, scope: Scope, note: Note): ParsedScope | null {
  const from = parseBound(scope.from, timezone, (detail) => note('/from', detail))
  const to = parseBound(scope.to, timezone, (detail) => note('/to', detail))
  if (from === null || to === null) return null
  if (from >= to) note('/to', 'must be later than from')
  return { kind: 'period', scope: { from: scope.from!, to: scope.to! }, keys: [], from, to }
}

const instant = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$/

function parseBound(text: string | undefined, timezone: string, note: (detail: string) => void): Date | null {
  const date = text === undefined ? null : parseDate(text)
  if (date !== null) return startOfDay(date, timezone)
  const time =
    text !== undefined && instant.test(text) && parseDate(text.slice(0, 10)) ? new Date(text) : null
  if (time !== null && !Number.isNaN(time.getTime())) return time
  note(
    text === undefined
      ? 'is required'
      : 'must be a date such as 2026-10-31, or a time such as 2026-10-31T08:00:00Z',
  )
  return null
}

/**
 * What a scope selects, as an SQL condition over the root's alias `t0`, without parameters; null for all.
 * Plain timestamps and dates in the source are taken as the clocks of the dataset's time zone show them.
 */
export function scopeCondition(
  { root, timezone }: Dataset,
  { kind, keys, from, to }: Pick<ParsedScope, 'kind' | 'keys' | 'from' | 'to'>,
): string | null {
  if (kind === 'all') return null
  if (kind === 'keys') return keyCondition('t0', root.key, keys)
  const { name, baseType } = root.dates!
  const bound = (at: Date) => {
    const literal = `${quoteLiteral(at.toISOString())}::timestamptz`
    return baseType === 'timestamptz' ? literal : `(${literal} AT TIME ZONE ${quoteLiteral(timezone)})`
  }
  const column = `t0.${quoteIdentifier(name)}`
  return `${column} >= ${bound(from!)} AND ${column} < ${bound(to!)}`
}

/**
 * Whether a snapshot of one scope holds all that another asks for, judged by what the scopes say.
 * @param have of the snapshot; @param want what must be in it
 */
export function coversScope(have: ParsedScope, want: ParsedScope): boolean {
  if (have.kind === 'all') return true
  if (have.kind !== want.kind) return false
  if (have.kind === 'period') return have.from! <= want.from! && have.to! >= want.to!
  const held = new Set(have.keys.map((key) => JSON.stringify(key)))
  return want.keys.every((key) => held.has(JSON.stringify(key)))
}
