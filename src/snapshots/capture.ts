import type pg from 'pg'
import type { Dataset, TableNode } from '../datasets/definition.ts'
import { lengthBytes, RowReader, splitFields, startsWithField } from '../source/copy.ts'
import { sourceProblems } from '../source/errors.ts'
import { RowBuffer, type Rows } from '../source/row-buffer.ts'
import type { SharedSnapshot } from '../source/shared-snapshot.ts'
import type { Expression } from '../source/values.ts'
import { captureQueries, lockingQueries, type Condition, type NodeQuery } from './capture-queries.ts'
import type { KeyValue } from './manifest.ts'

/** One record as a line of an artifact, without line feed. */
export interface RecordLine {
  key: KeyValue[]
  json: Buffer
  /** Rows of each of the dataset's tables in this record, in the order of `tableNodes`. */
  rows: number[]
}

/** A dataset's tables, parents before children: the order of everything that is kept per table. */
export function tableNodes(root: TableNode): TableNode[] {
  return [root, ...root.children.flatMap(tableNodes)]
}

/** How many records are handed on at a time at most; fewer when they are large. */
const batchRecords = 256
const batchBytes = 1_048_576

/**
 * Streams the records that a condition selects, in key order, as lines of an artifact. One sorted stream a table,
 * each over a connection of its own on the same instant, merged here: the database sorts, nothing is held but the
 * record at hand.
 * @param value SQL for a column's value; default: as artifacts have it
 */
export async function* captureRecords(
  snapshot: SharedSnapshot,
  dataset: Dataset,
  condition: Condition,
  value?: Expression,
): AsyncGenerator<RecordLine[]> {
  const queries = captureQueries(dataset, condition, value)
  const readers = await openReaders(snapshot, queries)
  try {
    yield* mergeRecords(queries, readers.rows)
  } finally {
    await readers.close()
  }
}

/** The same for a few records over one connection, table after table: for scopes of a handful of keys. */
export async function* captureFewRecords(
  client: pg.ClientBase,
  dataset: Dataset,
  condition: Condition,
  value?: Expression,
): AsyncGenerator<RecordLine[]> {
  const queries = captureQueries(dataset, condition, value)
  yield* mergeRecords(
    queries,
    queries.map(({ sql }) => new RowBuffer(client, sql)),
  )
}

/**
 * The same, locked as they are read, in a transaction at READ COMMITTED: roots before what is below them, so that no
 * foreign key lets a row be added that isn't read. What is in use is left out.
 * @throws Problem SOURCE_CONFLICT when what was in use is not any more as its children's turn comes
 */
export async function* lockRecords(
  client: pg.ClientBase,
  dataset: Dataset,
  condition: Condition,
): AsyncGenerator<RecordLine[]> {
  const queries = lockingQueries(dataset, condition)
  yield* mergeRecords(
    queries,
    queries.map(({ sql }) => new RowBuffer(client, sql)),
    ({ name }) =>
      sourceProblems.SOURCE_CONFLICT(
        `source "${dataset.source}": rows of ${name} moved just when they were locked`,
        { retryAfter: 5 },
      ),
  )
}

/**
 * The same records as one text: `between` stands between two of them. For whoever wants the bytes alone, in pieces of
 * about a megabyte.
 */
export async function* captureText(
  snapshot: SharedSnapshot,
  dataset: Dataset,
  condition: Condition,
  value: Expression,
  between: Buffer,
): AsyncGenerator<{ text: Buffer; rows: number[] }> {
  const queries = captureQueries(dataset, condition, value)
  const readers = await openReaders(snapshot, queries)
  try {
    yield* mergeText(queries, readers.rows, between)
  } finally {
    await readers.close()
  }
}

interface Readers {
  rows: Rows[]
  close(): Promise<void>
}

/** A reader a query, each inside the lease of its connection, which ends when all are closed. */
async function openReaders(snapshot: SharedSnapshot, queries: NodeQuery[]): Promise<Readers> {
  const closing = Promise.withResolvers<void>()
  const leases: Promise<void>[] = []
  const opened = queries.map(({ sql }) => {
    const { promise, resolve, reject } = Promise.withResolvers<Rows>()
    const lease = snapshot.withReader(async (client) => {
      await client.query("SET LOCAL work_mem = '64MB'")
      const reader = new RowReader(client, sql)
      resolve(reader)
      await closing.promise
      reader.destroy()
    })
    lease.catch(reject)
    leases.push(lease)
    return promise
  })
  const close = async () => {
    closing.resolve()
    await Promise.allSettled(leases)
  }
  try {
    return { rows: await Promise.all(opened), close }
  } catch (error) {
    await close()
    throw error
  }
}

/** A table's stream with the line it stands at. */
interface Cursor {
  node: TableNode
  index: number
  rows: Rows
  fields: number
  /** The line at hand; null before the first and after the last. */
  line: Buffer | null
  children: Cursor[]
  /** `,"name":[` */
  opening: Buffer
}

async function* mergeRecords(
  queries: NodeQuery[],
  rows: Rows[],
  leftOver: (node: TableNode) => Error = lostRecord,
): AsyncGenerator<RecordLine[]> {
  const root = cursorTree(queries, rows)
  for (const cursor of flatten(root)) await advance(cursor)
  const output = new LineBuffer()
  let batch: RecordLine[] = []
  let size = 0
  while (root.line !== null) {
    const [tag] = splitFields(root.line, root.fields)
    const key = JSON.parse(tag!.toString()) as KeyValue[]
    const counts = queries.map(() => 0)
    await appendRow(root, output, counts)
    const json = output.take()
    batch.push({ key, json, rows: counts })
    size += json.length
    if (batch.length < batchRecords && size < batchBytes) continue
    yield batch
    batch = []
    size = 0
  }
  for (const cursor of flatten(root)) refuseLeftovers(cursor, leftOver)
  if (batch.length > 0) yield batch
}

async function* mergeText(
  queries: NodeQuery[],
  rows: Rows[],
  between: Buffer,
): AsyncGenerator<{ text: Buffer; rows: number[] }> {
  const root = cursorTree(queries, rows)
  for (const cursor of flatten(root)) await advance(cursor)
  let output = new LineBuffer(batchBytes)
  let counts = queries.map(() => 0)
  for (let isFirst = true; root.line !== null; isFirst = false) {
    if (!isFirst) output.append(between)
    await appendRow(root, output, counts)
    if (output.length < batchBytes) continue
    yield { text: output.written(), rows: counts }
    output = new LineBuffer(batchBytes)
    counts = queries.map(() => 0)
  }
  for (const cursor of flatten(root)) refuseLeftovers(cursor, lostRecord)
  if (output.length > 0) yield { text: output.written(), rows: counts }
}

function cursorTree(queries: NodeQuery[], rows: Rows[]): Cursor {
  const cursors = queries.map(({ node, fields }, index): Cursor => ({
    node,
    index,
    rows: rows[index]!,
    fields,
    line: null,
    children: [],
    opening: Buffer.from(`,${JSON.stringify(node.as)}:[`),
  }))
  for (const cursor of cursors) {
    cursor.children = cursors.filter(({ node }) => node.parent?.node === cursor.node)
  }
  return cursors[0]!
}

function flatten(cursor: Cursor): Cursor[] {
  return [cursor, ...cursor.children.flatMap(flatten)]
}

async function advance(cursor: Cursor): Promise<void> {
  cursor.line = cursor.rows.next()
  while (cursor.line === null && (await cursor.rows.fill())) cursor.line = cursor.rows.next()
}

const separator = Buffer.from(',')
const closing = Buffer.from(']')
const brace = Buffer.from('}')

/** Appends the row at hand with all its children's, and moves on. */
async function appendRow(cursor: Cursor, output: LineBuffer, counts: number[]): Promise<void> {
  const line = splitFields(cursor.line!, cursor.fields)
  const json = line[cursor.fields - 1]!
  const isEmpty = json.length === 2
  counts[cursor.index]!++
  output.append(json.subarray(0, -1))
  for (const [i, child] of cursor.children.entries()) {
    output.append(isEmpty && i === 0 ? child.opening.subarray(1) : child.opening)
    await appendChildren(child, line[1 + i]!, output, counts)
    output.append(closing)
  }
  output.append(brace)
  await advance(cursor)
}

async function appendChildren(
  child: Cursor,
  tag: Buffer,
  output: LineBuffer,
  counts: number[],
): Promise<void> {
  let first = true
  while (child.line !== null && startsWithField(child.line, tag)) {
    if (!first) output.append(separator)
    first = false
    if (child.children.length > 0) await appendRow(child, output, counts)
    else {
      output.append(child.line, lengthBytes + tag.length + lengthBytes)
      counts[child.index]!++
      // Most rows are leaves whose next line has arrived: waiting only where there is something to wait for.
      child.line = child.rows.next()
      if (child.line === null) await advance(child)
    }
  }
}

/** Every row belongs to a record, and the streams sort alike; a row left over would be a row lost. */
function refuseLeftovers({ node, line }: Cursor, leftOver: (node: TableNode) => Error): void {
  if (line !== null) throw leftOver(node)
}

function lostRecord({ name }: TableNode): Error {
  return new Error(`rows of ${name} were left without their record`)
}

/** Grows to the largest record so far. */
class LineBuffer {
  #bytes: Buffer
  #length = 0

  constructor(size = 65_536) {
    this.#bytes = Buffer.allocUnsafe(size + size / 4)
  }

  get length(): number {
    return this.#length
  }

  append(bytes: Buffer, start = 0): void {
    const needed = this.#length + bytes.length - start
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2))
      this.#bytes.copy(larger, 0, 0, this.#length)
      this.#bytes = larger
    }
    bytes.copy(this.#bytes, this.#length, start)
    this.#length = needed
  }

  /** What was appended; the buffer is not used again. */
  written(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  /** What was appended, as bytes of its own; starts over. */
  take(): Buffer {
    const taken = Buffer.from(this.#bytes.subarray(0, this.#length))
    this.#length = 0
    return taken
  }
}
