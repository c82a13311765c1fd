import Type, { type Static } from 'typebox'
import { describeErrors } from '../platform/describe-errors.ts'
import type { InputError } from '../platform/errors.ts'
import { isShaped, shapeErrors } from '../platform/validation.ts'
import type { KeyValue } from '../source/keys.ts'
import { nextMonth, parseDate, parseMonth, startOfDay } from './calendar.ts'
import type { Dataset } from './definition.ts'
import { datasetProblems } from './errors.ts'
import { checkKeys } from './scope-keys.ts'

/** Keys in one scope at most: a request has 1 MiB, and a statement's list must stay a list. */
export const maxKeys = 10_000

const Scalar = ['string', 'number', 'boolean']

/** Which records of a dataset, as requests and answers have it. */
export const ScopeSchema = Type.Object(
  {
    all: Type.Optional(Type.Literal(true)),
    keys: Type.Optional(
      Type.Array(
        Type.Unsafe<KeyValue | KeyValue[]>({
          type: [...Scalar, 'array'],
          items: { type: Scalar },
          minItems: 1,
          maxItems: 32,
        }),
        {
          minItems: 1,
          description: `The records' keys, ${maxKeys} at most; lists where the key has several columns.`,
        },
      ),
    ),
    month: Type.Optional(
      Type.String({ examples: ['2026-10'], description: "By the dataset's `dates`, in its time zone." }),
    ),
    from: Type.Optional(
      Type.String({
        examples: ['2026-01-01', '2026-01-01T12:00:00Z'],
        description: "A day in the dataset's time zone, or an instant. Inclusive.",
      }),
    ),
    to: Type.Optional(Type.String({ examples: ['2026-02-01'], description: 'The same, exclusive.' })),
  },
  {
    $id: 'Scope',
    additionalProperties: false,
    description: 'Which records: exactly one of `all`, `keys`, `month`, or `from` and `to`. Default: all.',
  },
)

/** A scope that was checked against its dataset. Keys are as the artifact has them (int8 as text). */
export type Scope =
  { all: true } | { keys: (KeyValue | KeyValue[])[] } | { month: string } | { from?: string; to?: string }

/**
 * Checks a scope against the dataset that it is of.
 * @param input as it came; undefined is all
 * @param pointer where in the request it stands, for errors
 * @throws Problem SCOPE_INVALID with all that is wrong, DATASET_WITHOUT_DATES
 */
export function parseScope(input: unknown, dataset: Dataset, pointer = '/scope'): Scope {
  if (input === undefined) return { all: true }
  if (!isShaped(ScopeSchema, input)) throw invalid(errorsOf(input, pointer))
  const { all, keys, month, from, to } = input
  const isPeriod = from !== undefined || to !== undefined
  const kinds = [all, keys, month, isPeriod ? true : undefined].filter((kind) => kind !== undefined)
  if (kinds.length !== 1) {
    throw invalid([{ pointer, detail: 'needs exactly one of all, keys, month, or from and to' }])
  }
  if (keys !== undefined) return parseKeys(keys, dataset, pointer)
  if (all !== undefined) return { all: true }
  if (dataset.root.dates === null) {
    throw datasetProblems.DATASET_WITHOUT_DATES(
      `Dataset "${dataset.name}" declares no \`dates\`, so it has no months and periods.`,
    )
  }
  return month === undefined ? parsePeriod({ from, to }, dataset, pointer) : parseMonthScope(month, pointer)
}

function invalid(errors: InputError[]) {
  return datasetProblems.SCOPE_INVALID(
    errors
      .slice(0, 3)
      .map(({ pointer, detail }) => `${pointer} ${detail}`)
      .join('; '),
    {
      errors: errors.slice(0, 100),
    },
  )
}

function errorsOf(input: unknown, pointer: string): InputError[] {
  return describeErrors(shapeErrors(ScopeSchema, input), 'body').map((error) => ({
    ...error,
    pointer: pointer + error.pointer,
  }))
}

function parseKeys(keys: (KeyValue | KeyValue[])[], dataset: Dataset, pointer: string): Scope {
  if (keys.length > maxKeys) {
    throw invalid([{ pointer: `${pointer}/keys`, detail: `has ${keys.length} keys; ${maxKeys} is the most` }])
  }
  const { errors, checked } = checkKeys(keys, dataset.root.key, `${pointer}/keys`)
  if (errors.length > 0) throw invalid(errors)
  return { keys: checked }
}

function parseMonthScope(month: string, pointer: string): Scope {
  if (parseMonth(month) === null)
    throw invalid([{ pointer: `${pointer}/month`, detail: 'must be a month such as 2026-10' }])
  return { month }
}

function parsePeriod(period: Bounds, dataset: Dataset, pointer: string): Scope {
  const errors = Object.entries(period).flatMap(([name, text]) =>
    text === undefined || instantOf(text, dataset.timezone) !== null
      ? []
      : [
          {
            pointer: `${pointer}/${name}`,
            detail: 'must be a day such as 2026-01-31, or an instant such as 2026-01-31T12:00:00Z',
          },
        ],
  )
  if (errors.length > 0) throw invalid(errors)
  const scope = {
    ...(period.from !== undefined && { from: period.from }),
    ...(period.to !== undefined && { to: period.to }),
  }
  const { from, to } = periodOf(scope, dataset.timezone)!
  if (from !== null && to !== null && from >= to) {
    throw invalid([
      {
        pointer: `${pointer}/to`,
        detail: `must be after from: ${period.from} to ${period.to} is no time at all`,
      },
    ])
  }
  return scope
}

interface Bounds {
  from?: string | undefined
  to?: string | undefined
}

export interface Period {
  /** Inclusive; null: since ever. */
  from: Date | null
  /** Exclusive; null: for ever. */
  to: Date | null
}

/** The instants that a month or a period means in a time zone; null for other scopes. */
export function periodOf(scope: Scope, zone: string): Period | null {
  if ('month' in scope) {
    const first = parseMonth(scope.month)!
    return { from: startOfDay(first, zone), to: startOfDay(nextMonth(first), zone) }
  }
  if ('all' in scope || 'keys' in scope) return null
  const bound = (text: string | undefined) => (text === undefined ? null : instantOf(text, zone))
  return { from: bound(scope.from), to: bound(scope.to) }
}

const instant =
  /^(\d{4}-\d\d-\d\d)T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?(?:Z|[+-](?:0\d|1[0-4]):[0-5]\d)$/

/** A day's beginning in a zone, or an instant (RFC 3339); null for what is neither. */
function instantOf(text: string, zone: string): Date | null {
  const day = parseDate(text)
  if (day !== null) return startOfDay(day, zone)
  const date = instant.exec(text)?.[1]
  return date === undefined || parseDate(date) === null ? null : new Date(text)
}

/** A scope's keys as lists of column values; null for other scopes. */
export function keysOf(scope: Scope): KeyValue[][] | null {
  return 'keys' in scope ? scope.keys.map((key) => [key].flat()) : null
}

export type ScopeInput = Static<typeof ScopeSchema>
