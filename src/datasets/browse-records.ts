import type pg from 'pg'
import { decodeCursor, encodeCursor, listProblems } from '../platform/cursors.ts'
import { Problem } from '../platform/errors.ts'
import { likePattern } from '../platform/filters.ts'
import type { SourcePool } from '../source/connect.ts'
import type { KeyValue } from '../source/keys.ts'
import { toText } from '../source/values.ts'
import Type from 'typebox'
import { estimateRecords } from './count-records.ts'
import type { Dataset } from './definition.ts'
import { containsCondition, recordsQuery, type Narrowing, type Position } from './queries.ts'
import { scopeCondition } from './scope-condition.ts'
import { parseScope } from './scope.ts'

export interface RecordFilter {
  /** Month or period, as in a scope. */
  month?: string | undefined
  from?: string | undefined
  to?: string | undefined
  /** Part of the label or the key. */
  q?: string | undefined
}

/** A record as lists show it. */
export interface ListedRecord {
  /** As in a scope: a list where the key has several columns. */
  key: KeyValue | KeyValue[]
  label: string | null
  /** As PostgreSQL prints it in JSON; null without `dates` or without a value. */
  date: string | null
  /** Never deleted by a restore or a cleanup. */
  protected: boolean
  /** Rows of each child table by its name in the artifact. */
  children: Record<string, number>
}

export interface RecordPage {
  items: ListedRecord[]
  nextCursor: string | null
  /** Records that match: the planner's estimate, or exact where they all fit on the first page. */
  estimatedTotal: number
}

/** Longest that a page may take, in milliseconds: text that nothing contains is looked for in the whole table. */
const timeout = 15_000

/**
 * A page of a dataset's records, newest first. Stable while rows are added: a page starts after a record, not at a
 * number.
 * @param granted what narrows the list to what the caller may see, over the alias `t0`; null: nothing
 * @throws Problem SCOPE_INVALID, DATASET_WITHOUT_DATES, CURSOR_INVALID, SOURCE_…
 */
export async function browseRecords(
  source: SourcePool,
  dataset: Dataset,
  { q, ...period }: RecordFilter,
  granted: string | null,
  { cursor, limit }: { cursor?: string | undefined; limit: number },
): Promise<RecordPage> {
  const narrowing = narrow(dataset, q, period, granted)
  const after = readCursor(dataset, cursor)
  try {
    return await source.withConnection(async (client) => {
      await client.query(`BEGIN READ ONLY; SET LOCAL statement_timeout = ${timeout}`)
      const lines = await readLines(client, dataset, narrowing, after, limit + 1)
      const total =
        after === null && lines.length <= limit
          ? lines.length
          : await estimateRecords(client, dataset, narrowing)
      await client.query('COMMIT')
      return toPage(dataset, lines, limit, total)
    })
  } catch (error) {
    throw cursor !== undefined && isRejected(error)
      ? listProblems.CURSOR_INVALID('The cursor cannot be read.')
      : error
  }
}

/**
 * The keys of all records that a filter matches, in the order of the list.
 * @param atMost no more are looked for
 * @throws Problem as `browseRecords` does
 */
export async function matchingKeys(
  source: SourcePool,
  dataset: Dataset,
  { q, ...period }: RecordFilter,
  granted: string | null,
  atMost: number,
): Promise<(KeyValue | KeyValue[])[]> {
  const narrowing = narrow(dataset, q, period, granted)
  return source.withConnection(async (client) => {
    await client.query(`BEGIN READ ONLY; SET LOCAL statement_timeout = ${timeout}`)
    const lines = await readLines(client, dataset, narrowing, null, atMost)
    await client.query('COMMIT')
    return lines.map((line) => toRecord(dataset, line).key)
  })
}

/** A cursor is only checked for its shape: a value in it that the key's type doesn't take was altered. */
function isRejected(error: unknown): boolean {
  return error instanceof Problem && error.code === 'SOURCE_REJECTED'
}

function narrow(
  dataset: Dataset,
  q: string | undefined,
  period: Omit<RecordFilter, 'q'>,
  granted: string | null,
): Narrowing {
  const given = Object.fromEntries(Object.entries(period).filter(([, value]) => value !== undefined))
  const scope = Object.keys(given).length === 0 ? undefined : given
  const within = scopeCondition(dataset, parseScope(scope, dataset, '/querystring'))
  const narrowing: Narrowing = {
    conditions: within === null ? [] : [within.sql],
    values: [...(within?.values ?? [])],
  }
  if (q !== undefined && q !== '') {
    narrowing.conditions.push(containsCondition(dataset, `$${narrowing.values.push(likePattern(q))}`))
  }
  if (granted !== null) narrowing.conditions.push(granted)
  return narrowing
}

/** The date, then the key, each as its type prints it. */
const CursorShape = Type.Array(Type.Union([Type.String(), Type.Null()]), { minItems: 2, maxItems: 33 })

function readCursor({ root }: Dataset, cursor: string | undefined): Position | null {
  const position = decodeCursor(cursor, CursorShape)
  if (position === null) return null
  const [date = null, ...key] = position
  if (key.length === root.key.length && key.every((value) => value !== null)) return { date, key }
  throw listProblems.CURSOR_INVALID('The cursor is of another list.')
}

type Line = Record<string, KeyValue | null>

/** Records with a date come first, then those without. */
async function readLines(
  client: pg.ClientBase,
  dataset: Dataset,
  narrowing: Narrowing,
  after: Position | null,
  limit: number,
): Promise<Line[]> {
  const { dates } = dataset.root
  const startsUndated = dates !== null && after !== null && after.date === null
  const read = async (part: 'dated' | 'undated', from: Position | null, count: number) => {
    const { rows } = await client.query<{ line: string }>(recordsQuery(dataset, part, narrowing, from, count))
    return rows.map(({ line }) => JSON.parse(line) as Line)
  }
  const lines = startsUndated ? [] : await read('dated', after, limit)
  if (dates === null || dates.notNull || lines.length >= limit) return lines
  return [...lines, ...(await read('undated', startsUndated ? after : null, limit - lines.length))]
}

function toPage(dataset: Dataset, lines: Line[], limit: number, estimatedTotal: number): RecordPage {
  const items = lines.slice(0, limit).map((line) => toRecord(dataset, line))
  const last = lines.length > limit ? lines[limit - 1]! : null
  return { items, nextCursor: last === null ? null : cursorOf(dataset, last), estimatedTotal }
}

function toRecord({ root }: Dataset, line: Line): ListedRecord {
  const key = keyOf(root.key.length, line)
  return {
    key: key.length === 1 ? key[0]! : key,
    label: line['label'] as string | null,
    date: line['date'] as string | null,
    protected: line['protected'] === true,
    children: Object.fromEntries(root.children.map((child, i) => [child.as, Number(line[`c${i}`])])),
  }
}

function keyOf(length: number, line: Line): KeyValue[] {
  return Array.from({ length }, (_, i) => line[`k${i}`]!)
}

function cursorOf({ root }: Dataset, line: Line): string {
  return encodeCursor([line['date'] ?? null, ...keyOf(root.key.length, line).map((value) => toText(value))])
}
