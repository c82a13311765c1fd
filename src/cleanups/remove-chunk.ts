import type pg from 'pg'
import type { Dataset } from '../datasets/definition.ts'
import { keyText } from '../holds/hold.ts'
import { Problem } from '../platform/errors.ts'
import { failpoint } from '../platform/failpoints.ts'
import type { ArtifactRecord } from '../snapshots/artifact-reader.ts'
import { captureFewRecords, tableNodes } from '../snapshots/capture.ts'
import { keyCondition, type KeyValue } from '../source/keys.ts'
import { cleanupProblems } from './errors.ts'
import { linksInto, printKey } from './links.ts'
import type { LeftAlone, LeftCode } from './plan.ts'
import * as remove from './remove-queries.ts'
import type { Doomed } from './remove-queries.ts'

export interface ChunkOptions {
  /** Without a transaction. */
  client: pg.ClientBase
  dataset: Dataset
  /** What the verified artifact holds of this chunk, in key order. */
  records: ArtifactRecord[]
  /** Which of the records our own database says must stay; asked when they are locked. */
  spare: (keys: KeyValue[][]) => Promise<LeftAlone[]>
  /** Everything is done but the commit. What it throws takes everything back. */
  beforeCommit: (outcome: ChunkOutcome) => Promise<void>
  signal: AbortSignal
}

export interface ChunkOutcome {
  removed: KeyValue[][]
  /** Rows, by table. */
  tables: Record<string, number>
  left: LeftAlone[]
  /** How long the rows were locked, in milliseconds, up to the commit. */
  lockedMs: number
}

/**
 * For locks on whole tables; rows are not waited for. And a chunk's rows were captured a while ago, in one go, so that
 * most are in memory: to look through whole tables for them, chunk after chunk, would be the detour.
 */
const settings = `SET LOCAL lock_timeout = '500ms'; SET LOCAL random_page_cost = 1.1`

/**
 * Removes the records of one chunk in one transaction: locks their rows, proves that each is, byte for byte, what the
 * verified artifact holds, and deletes them by identity. A record that moved, is in use, must stay, or is pointed at by
 * a row that stays is left alone and told why.
 * @throws Problem SOURCE_…, CLEANUP_NOT_PROVEN when more or less would have gone than the artifact holds; nothing is
 *   removed then
 */
export async function removeChunk(options: ChunkOptions): Promise<ChunkOutcome> {
  const { client } = options
  await client.query(`BEGIN ISOLATION LEVEL READ COMMITTED; ${settings}`)
  try {
    const chunk = new Chunk(options)
    await chunk.lock()
    await failpoint('cleanup.chunk-locked')
    await chunk.prove()
    await chunk.delete()
    await failpoint('cleanup.chunk-deleted')
    const outcome = chunk.outcome()
    options.signal.throwIfAborted()
    await options.beforeCommit(outcome)
    await failpoint('cleanup.chunk-recorded')
    await client.query('COMMIT')
    await failpoint('cleanup.chunk-committed')
    return { ...outcome, lockedMs: chunk.lockedMs() }
  } finally {
    if (client.getTransactionStatus() !== 'I') await client.query('ROLLBACK').catch(() => undefined)
  }
}

/** The transaction at work. Records go by their number, from 1. */
class Chunk {
  #options: ChunkOptions
  #doomed: Doomed[]
  #left = new Map<number, { code: LeftCode; detail: string }>()
  /** Rows of each table that go, in the order of `tableNodes`. */
  #rows: number[]
  #lockedAt = 0

  constructor(options: ChunkOptions) {
    this.#options = options
    this.#doomed = remove.doomedTables(tableNodes(options.dataset.root))
    this.#rows = this.#doomed.map(() => 0)
  }

  /** Roots first: with those locked, no foreign key lets a row be added below them. */
  async lock(): Promise<void> {
    const { client, records } = this.#options
    await client.query(this.#doomed.map(remove.createDoomed).join(';\n'))
    this.#lockedAt = performance.now()
    const [root, ...below] = this.#doomed
    await client.query(
      remove.lockRoots(
        root!,
        records.map(({ key }) => key),
      ),
    )
    await client.query(`ANALYZE ${root!.table}`)
    for (const doomed of below) {
      const parent = this.#doomed.find(({ node }) => node === doomed.node.parent!.node)!
      await client.query(remove.lockChildren(doomed, parent))
      await client.query(`ANALYZE ${doomed.table}`)
    }
  }

  async prove(): Promise<void> {
    await this.#compare()
    await this.#spareProtected()
    await this.#spareByOurs()
    await this.#dropLeft()
    await this.#sparePointedAt()
  }

  /** What is there now must be what the artifact holds, to the byte, and all of it must be locked. */
  async #compare(): Promise<void> {
    const { client, dataset, records, signal } = this.#options
    const noted: Map<number, number>[] = []
    for (const doomed of this.#doomed) noted.push(await this.#countNoted(doomed))
    const locked = records.filter((_, i) => noted[0]!.has(i + 1))
    const live = new Map<string, { json: Buffer; rows: number[] }>()
    if (locked.length > 0) {
      const keys = locked.map(({ key }) => key)
      const lines = captureFewRecords(client, dataset, keyCondition('t0', dataset.root.key, keys))
      for await (const batch of lines) for (const { key, ...line } of batch) live.set(keyText(key), line)
    }
    signal.throwIfAborted()
    for (const [i, { key, json }] of records.entries()) {
      const line = live.get(keyText(key))
      if (!noted[0]!.has(i + 1) || line === undefined) continue
      if (!line.json.equals(json)) this.#leave(i + 1, 'CHANGED', 'It changed since it was captured.')
      else if (line.rows.some((rows, table) => rows !== (noted[table]!.get(i + 1) ?? 0)))
        this.#leave(i + 1, 'LOCKED', 'The application was using rows of it.')
      else for (const [table, rows] of line.rows.entries()) this.#rows[table]! += rows
    }
    await this.#explainAbsent(noted[0]!)
  }

  async #countNoted(doomed: Doomed): Promise<Map<number, number>> {
    const { rows } = await this.#options.client.query<{ record: number; rows: number }>(
      remove.countByRecord(doomed),
    )
    return new Map(rows.map(({ record, rows: count }) => [record, count]))
  }

  /** What could not be locked is either gone or in use. */
  async #explainAbsent(noted: Map<number, number>): Promise<void> {
    const { client, dataset, records } = this.#options
    const absent = records.filter((_, i) => !noted.has(i + 1)).map(({ key }) => key)
    if (absent.length === 0) return
    const there = new Set<string>()
    const { rows } = await client.query<{ tag: string }>(remove.presentKeys(dataset.root, absent))
    for (const { tag } of rows) there.add(keyText(JSON.parse(tag) as KeyValue[]))
    for (const [i, { key }] of records.entries()) {
      if (noted.has(i + 1)) continue
      if (there.has(keyText(key))) this.#leave(i + 1, 'LOCKED', 'The application was using it.')
      else this.#leave(i + 1, 'GONE', 'It was gone already.')
    }
  }

  async #spareProtected(): Promise<void> {
    const { client, dataset } = this.#options
    if (dataset.root.protect === null) return
    const query = remove.protectedRecords(this.#doomed[0]!, dataset.root.protect)
    const { rows } = await client.query<{ record: number }>(query)
    for (const { record } of rows) this.#leave(record, 'PROTECTED', 'The record is protected.')
  }

  async #spareByOurs(): Promise<void> {
    const { records, spare } = this.#options
    const numbers = new Map(records.map(({ key }, i) => [keyText(key), i + 1]))
    for (const { key, code, detail } of await spare(records.map(({ key }) => key)))
      this.#leave(numbers.get(keyText(key))!, code, detail)
  }

  /** Each that is spared may be what keeps another: until none is found any more. */
  async #sparePointedAt(): Promise<void> {
    const { client, dataset } = this.#options
    const links = linksInto(dataset)
    for (let found = 1; found > 0;) {
      found = 0
      for (const link of links) {
        const holders = this.#doomed.filter(({ node }) => link.holders.some((holder) => holder.node === node))
        const query = remove.pointedAt(link, this.#doomed, holders)
        const { rows } = await client.query<{ record: number; rows: number }>(query)
        for (const { record, rows: pointing } of rows) {
          const which = `${pointing === 1 ? 'A row that stays points' : `${pointing} rows that stay point`} at it`
          this.#leave(record, 'REFERENCED', `${which}: ${printKey(link.key)}.`)
        }
        found += rows.length
      }
      if (found > 0) await this.#dropLeft()
    }
  }

  /** A first reason stands. */
  #leave(record: number, code: LeftCode, detail: string): void {
    if (!this.#left.has(record)) this.#left.set(record, { code, detail })
  }

  async #dropLeft(): Promise<void> {
    if (this.#left.size === 0) return
    for (const [i, doomed] of this.#doomed.entries()) {
      await this.#options.client.query(remove.spareRecords(doomed), [[...this.#left.keys()]])
      this.#rows[i] = [...(await this.#countNoted(doomed)).values()].reduce((sum, rows) => sum + rows, 0)
    }
  }

  /** Exactly the rows that were proven go: no fewer, and by no trigger or cascade any more. */
  async delete(): Promise<void> {
    const { client, dataset } = this.#options
    // The application's triggers expect its own search path; every name in our statements is qualified.
    await client.query('SET LOCAL search_path TO DEFAULT; SET CONSTRAINTS ALL DEFERRED')
    const before = await this.#deletedSoFar()
    for (const { key, holders } of linksInto(dataset)) {
      for (const holder of this.#doomed.filter(({ node }) => holders.some((place) => place.node === node))) {
        const loose = remove.looseColumns(holder, key)
        if (loose.length > 0) await client.query(remove.detach(holder, loose))
      }
    }
    for (const [i, doomed] of [...this.#doomed.entries()].toReversed()) {
      const { rowCount } = await client.query(remove.deleteDoomed(doomed))
      if (rowCount !== this.#rows[i])
        throw notProven(`${rowCount} of ${this.#rows[i]} rows of ${doomed.node.name} could be deleted`)
    }
    await client.query('SET CONSTRAINTS ALL IMMEDIATE')
    await this.#requireNothingElse(before)
  }

  async #deletedSoFar(): Promise<Map<number, number>> {
    const { rows } = await this.#options.client.query<{ relation: number; deleted: number }>(
      remove.deletedSoFar,
    )
    return new Map(rows.map(({ relation, deleted }) => [relation, deleted]))
  }

  async #requireNothingElse(before: Map<number, number>): Promise<void> {
    const { client } = this.#options
    const { rows } = await client.query<{ counted: boolean; emptied: string[] }>(remove.emptiedTables)
    const { counted, emptied } = rows[0]!
    if (!counted)
      throw notProven(
        'the source doesn’t count what is deleted (track_counts is off), so nothing can be proven',
      )
    if (emptied.length > 0) throw notProven(`a trigger emptied or changed ${emptied.join(', ')}`)
    const wanted = new Map<number, number>()
    for (const [i, { node }] of this.#doomed.entries())
      wanted.set(node.table.oid, (wanted.get(node.table.oid) ?? 0) + this.#rows[i]!)
    for (const [relation, deleted] of await this.#deletedSoFar()) {
      const more = deleted - (before.get(relation) ?? 0) - (wanted.get(relation) ?? 0)
      if (more === 0) continue
      const named = await client.query<{ name: string }>(remove.nameOfTable, [relation])
      const rows = `${Math.abs(more)} ${Math.abs(more) === 1 ? 'row' : 'rows'}`
      throw notProven(`a trigger deleted ${rows} of ${named.rows[0]!.name} that no snapshot holds`)
    }
  }

  outcome(): ChunkOutcome {
    const { records } = this.#options
    const left = [...this.#left].map(([record, why]) => ({ key: records[record - 1]!.key, ...why }))
    const removed = records.filter((_, i) => !this.#left.has(i + 1)).map(({ key }) => key)
    const tables = Object.fromEntries(this.#doomed.map(({ node }, i) => [node.name, this.#rows[i]!]))
    return { removed, tables, left, lockedMs: this.lockedMs() }
  }

  lockedMs(): number {
    return Math.round(performance.now() - this.#lockedAt)
  }
}

function notProven(what: string): Problem {
  return cleanupProblems.CLEANUP_NOT_PROVEN(`${what[0]!.toUpperCase()}${what.slice(1)}.`)
}
