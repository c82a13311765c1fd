import type { FastifyInstance } from 'fastify'
import type pg from 'pg'
import Type from 'typebox'
import type { Dataset, TableNode } from '../datasets/definition.ts'
import { scopeLiteral } from '../datasets/scope-condition.ts'
import { decodeCursor, encodeCursor, listProblems } from '../platform/cursors.ts'
import { withSharedSnapshot, type SharedSnapshot } from '../source/shared-snapshot.ts'
import { readHeader } from './artifact-reader.ts'
import { tableNodes } from './capture.ts'
import type { RecordPair } from './compare.ts'
import { diffRecord, type Row, type SharedColumns } from './diff-record.ts'
import { changesOf, countRows, type RowChange, type TableSummary } from './list-differences.ts'
import type { KeyValue, Manifest } from './manifest.ts'
import { readManifest } from './manifests.ts'
import { pairWithSource } from './pair-with-source.ts'
import { shareColumns } from './shared-columns.ts'
import type { Snapshot } from './snapshot.ts'

export interface CompareQuery {
  /** Only rows of this table. */
  table?: string
  /** Only what this happened to since. */
  kind?: RowChange['kind']
  limit?: number
  cursor?: string
}

export interface PendingChanges {
  comparedAt: Date
  /** By table; null on further pages, which don't compare everything again. */
  summary: TableSummary[] | null
  /** What can't be compared, since the dataset has changed. */
  notes: string[]
  changes: RowChange[]
  nextCursor: string | null
}

/** Rows of one page, in bytes of JSON: beyond it the page ends early. Rows can be of any size. */
const pageBytes = 2_000_000

/** The record that the page before ended in, and how many of its changes were shown; see `Start`. */
const Position = Type.Array(Type.Union([Type.String(), Type.Number(), Type.Boolean()]))

/**
 * Compares a snapshot with the source as it is now, at one instant: what was created, updated and deleted since. The
 * first page goes through all of it, for the summary; the others start where the one before ended. Neither side is held
 * in memory.
 * @throws Problem SNAPSHOT_NOT_COMPLETED, SNAPSHOT_CORRUPT, ARTIFACT_INCOMPATIBLE, CURSOR_INVALID, DATASET_…, SOURCE_…,
 *   STORE_…
 */
export async function compareSnapshot(
  app: FastifyInstance,
  snapshot: Snapshot,
  { table, kind, limit = 50, cursor }: CompareQuery,
  signal: AbortSignal,
): Promise<PendingChanges> {
  const dataset = await app.datasets.current(snapshot.dataset)
  const manifest = await readManifest(app.stores.main, snapshot.requireCompleted())
  const { shared, notes } = shareColumns(dataset, await readHeader(app.stores.main, manifest))
  const width = manifest.restoreId === null ? dataset.root.key.length : 0
  const start = positionOf(cursor, width)
  const page = new ChangesPage(dataset, shared, { table, kind, limit, start, width })
  const comparedAt = app.clock.now()
  await withSharedSnapshot(app.datasets.source(dataset), async (client, instant) => {
    for await (const pairs of pairsFrom(app, { dataset, manifest, client, instant, start })) {
      signal.throwIfAborted()
      for (const pair of pairs) page.add(pair)
      if (page.isDone) break
    }
  })
  return { comparedAt, notes, ...page.result() }
}

/** Where a page starts: `skip` changes after the beginning of a record. A safety snapshot's records come in no order of
 * keys: there the key is empty, and `skip` counts from the beginning of all. */
interface Start {
  key: KeyValue[]
  skip: number
}

function positionOf(cursor: string | undefined, width: number): Start | null {
  const position = decodeCursor(cursor, Position)
  if (position === null) return null
  const skip = position[width]
  if (position.length !== width + 1 || typeof skip !== 'number' || !Number.isSafeInteger(skip))
    throw listProblems.CURSOR_INVALID('The cursor is of another list.')
  return { key: position.slice(0, width), skip }
}

interface Sides {
  dataset: Dataset
  manifest: Manifest
  client: pg.ClientBase
  instant: SharedSnapshot
  start: Start | null
}

function pairsFrom({ stores }: FastifyInstance, { start, ...sides }: Sides): AsyncGenerator<RecordPair[]> {
  const { dataset, manifest } = sides
  const condition = scopeLiteral(dataset, manifest.scope)
  const from = start === null || start.key.length === 0 ? {} : { start: start.key }
  return pairWithSource({ ...sides, store: stores.main, condition, ...from })
}

interface Wanted {
  table: string | undefined
  kind: RowChange['kind'] | undefined
  limit: number
  start: Start | null
  /** How many columns of a record's key a position has. */
  width: number
}

/** Collects the changes of one page as records go by. */
class ChangesPage {
  readonly #shared: SharedColumns
  readonly #root: TableNode
  readonly #nodes: TableNode[]
  readonly #wanted: Wanted
  readonly #summary: Map<TableNode, TableSummary>
  readonly #changes: RowChange[] = []
  #bytes = 0
  #next: string | null = null
  #key = ''
  #place = 0

  constructor({ root }: Dataset, shared: SharedColumns, wanted: Wanted) {
    this.#shared = shared
    this.#root = root
    this.#nodes = tableNodes(root)
    this.#wanted = wanted
    this.#summary = new Map(
      this.#nodes.map((node) => [node, { table: node.name, create: 0, update: 0, delete: 0, keep: 0 }]),
    )
  }

  /** Nothing that follows would be answered with. */
  get isDone(): boolean {
    return this.#next !== null && this.#wanted.start !== null
  }

  add({ key, stored, live }: RecordPair): void {
    if (stored !== null && live !== null && stored.equals(live.json)) {
      for (const [i, node] of this.#nodes.entries()) this.#summary.get(node)!.keep += live.rows[i]!
      return
    }
    const difference = diffRecord(this.#root, this.#shared, parse(stored), parse(live?.json ?? null))
    countRows(this.#summary, difference)
    for (const change of changesOf(key, difference, this.#shared)) {
      if (this.#next !== null) return
      if (this.#isWanted(change)) this.#take(change)
    }
  }

  #isWanted({ table, kind }: RowChange): boolean {
    const wanted = this.#wanted
    return (
      (wanted.table === undefined || wanted.table === table) &&
      (wanted.kind === undefined || wanted.kind === kind)
    )
  }

  #take(change: RowChange): void {
    const { limit, start, width } = this.#wanted
    const position = change.record.slice(0, width)
    const key = JSON.stringify(position)
    this.#place = key === this.#key ? this.#place + 1 : 0
    this.#key = key
    if (start !== null && key === JSON.stringify(start.key) && this.#place < start.skip) return
    const isFull = this.#changes.length >= limit || this.#bytes >= pageBytes
    if (isFull) this.#next = encodeCursor([...position, this.#place])
    else {
      this.#changes.push(change)
      this.#bytes += JSON.stringify(change).length
    }
  }

  result() {
    const summary = this.#wanted.start === null ? [...this.#summary.values()] : null
    return { summary, changes: this.#changes, nextCursor: this.#next }
  }
}

function parse(json: Buffer | null): Row | null {
  return json === null ? null : (JSON.parse(json.toString()) as Row)
}
