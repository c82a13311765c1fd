import { createHash } from 'node:crypto'
import type pg from 'pg'
import type { Dataset } from '../datasets/definition.ts'
import { captureRecords, tableNodes, type RecordLine } from '../snapshots/capture.ts'
import type { Condition } from '../snapshots/capture-queries.ts'
import type { SourcePool } from '../source/connect.ts'
import { RowReader, splitFields } from '../source/copy.ts'
import { compareKeys, type KeyValue } from '../source/keys.ts'
import { withSharedSnapshot } from '../source/shared-snapshot.ts'
import { linksInto, printKey, type Link } from './links.ts'
import type { LeftAlone, LeftCode, RecordsPlan, OutsideReferences } from './plan.ts'
import * as queries from './survey-queries.ts'

export interface SurveyOptions {
  source: SourcePool
  dataset: Dataset
  condition: Condition
  /** Keys of held records. */
  held: KeyValue[][]
  /** Which of some records are left alone for a reason that our own database knows. */
  skip?: (lines: RecordLine[]) => Promise<Set<RecordLine>>
  /** Told of the records that would be removed, in key order. */
  onPlanned?: (lines: RecordLine[]) => Promise<void>
  signal?: AbortSignal
}

export interface RecordsSurvey {
  plan: RecordsPlan
  /** SHA-256, hex, over every line that the scope selects, in key order. */
  linesSha256: string
  /** SHA-256, hex, over the records that are left alone and why. */
  leftSha256: string
  /** How many records the dataset has, at the same instant. */
  datasetRecords: number
}

/** Records and exclusions that a plan shows. */
const shownRecords = 20
const shownLeft = 200

/**
 * Goes through a scope as a snapshot of it would, at one instant, and tells what a cleanup of it would remove: exactly,
 * and with flat memory.
 * @throws Problem SOURCE_…
 */
export async function surveyRecords(options: SurveyOptions): Promise<RecordsSurvey> {
  const { source, dataset, condition, held } = options
  const links = linksInto(dataset)
  return withSharedSnapshot(source, async (client, instant) => {
    const { rows: counted } = await client.query<{ records: number }>(queries.countRecords(dataset))
    const tables = tableNodes(dataset.root)
    const { rows: triggers } = await client.query<queries.DeleteTrigger>(queries.deleteTriggers, [
      tables.map(({ table }) => table.oid),
    ])
    const tally = new Tally(dataset, links)
    const lines = createHash('sha256')
    const exclusions = new Exclusions(
      client,
      dataset,
      queries.exclusionsQuery(dataset, condition, held, links),
    )
    try {
      for await (const batch of captureRecords(instant, dataset, condition)) {
        options.signal?.throwIfAborted()
        for (const { json } of batch) lines.update(json).update('\n')
        const planned = await separate(batch, exclusions, tally, options)
        await options.onPlanned?.(planned)
      }
      await exclusions.finish()
    } finally {
      exclusions.close()
    }
    return {
      ...tally.summary(triggers),
      linesSha256: lines.digest('hex'),
      datasetRecords: counted[0]!.records,
    }
  })
}

async function separate(
  batch: RecordLine[],
  exclusions: Exclusions,
  tally: Tally,
  { skip }: SurveyOptions,
): Promise<RecordLine[]> {
  const planned: RecordLine[] = []
  const skipped = (await skip?.(batch)) ?? new Set()
  for (const line of batch) {
    const reasons = await exclusions.of(line.key)
    if (reasons.length > 0) tally.keep(line, reasons)
    else if (skipped.has(line)) tally.keep(line, [{ reason: 'S', rows: 1 }])
    else planned.push(line)
  }
  for (const line of planned) tally.remove(line)
  return planned
}

interface Exclusion {
  /** As exclusionsQuery has it; `S`: our own database knows a reason. */
  reason: string
  rows: number
}

/** The exclusions' stream, which is in the same order as the records'. */
class Exclusions {
  #reader: RowReader
  #orders: Parameters<typeof compareKeys>[2]
  #head: { key: KeyValue[]; exclusion: Exclusion } | null = null
  #ended = false

  constructor(client: pg.ClientBase, { root }: Dataset, sql: string) {
    this.#reader = new RowReader(client, sql)
    this.#orders = root.key.map((column) => column.keyOrder)
  }

  /** Why a record is left alone; empty when it isn't. To be asked in key order. */
  async of(key: KeyValue[]): Promise<Exclusion[]> {
    const found: Exclusion[] = []
    for (;;) {
      this.#head ??= await this.#next()
      if (this.#head === null) return found
      const order = compareKeys(this.#head.key, key, this.#orders)
      if (order > 0) return found
      if (order === 0) found.push(this.#head.exclusion)
      this.#head = null
    }
  }

  async #next() {
    if (this.#ended) return null
    let line = this.#reader.next()
    while (line === null && (await this.#reader.fill())) line = this.#reader.next()
    this.#ended = line === null
    if (line === null) return null
    const [tag, reason, rows] = splitFields(line, queries.exclusionFields).map(String)
    return { key: JSON.parse(tag!) as KeyValue[], exclusion: { reason: reason!, rows: Number(rows) } }
  }

  /** Takes in what is left, so that the connection can be used again. */
  async finish(): Promise<void> {
    while ((await this.#next()) !== null);
  }

  close(): void {
    if (!this.#ended) this.#reader.destroy()
  }
}

/** What went by. */
class Tally {
  #dataset: Dataset
  #links: Link[]
  #tables: { name: string; remove: number; keep: number }[]
  #plan: Pick<RecordsPlan, 'records' | 'kept' | 'sample' | 'left'> = {
    records: 0,
    kept: 0,
    sample: [],
    left: [],
  }
  #leftCounts = new Map<LeftCode, number>()
  #outside: { rows: number; records: number }[]
  #digest = createHash('sha256')

  constructor(dataset: Dataset, links: Link[]) {
    this.#dataset = dataset
    this.#links = links
    this.#tables = tableNodes(dataset.root).map(({ name }) => ({ name, remove: 0, keep: 0 }))
    this.#outside = links.map(() => ({ rows: 0, records: 0 }))
  }

  remove({ key, json, rows }: RecordLine): void {
    this.#plan.records++
    for (const [i, count] of rows.entries()) this.#tables[i]!.remove += count
    if (this.#plan.sample.length >= shownRecords) return
    const label = (JSON.parse(json.toString()) as Record<string, unknown>)[this.#dataset.root.label.name]
    this.#plan.sample.push({
      key,
      label: String(label ?? '').slice(0, 200),
      rows: Object.fromEntries(this.#tables.map(({ name }, i) => [name, rows[i]!])),
    })
  }

  keep({ key, rows }: RecordLine, exclusions: Exclusion[]): void {
    this.#plan.kept++
    for (const [i, count] of rows.entries()) this.#tables[i]!.keep += count
    this.#digest.update(`${JSON.stringify([key, exclusions])}\n`)
    for (const { reason, rows: pointing } of exclusions) {
      if (!reason.startsWith('R')) continue
      const outside = this.#outside[Number(reason.slice(1))]!
      outside.rows += pointing
      outside.records++
    }
    const first = this.#describe(key, exclusions[0]!)
    this.#leftCounts.set(first.code, (this.#leftCounts.get(first.code) ?? 0) + 1)
    if (this.#plan.left.length < shownLeft) this.#plan.left.push(first)
  }

  #describe(key: KeyValue[], { reason, rows }: Exclusion): LeftAlone {
    if (reason === 'P') return { key, code: 'PROTECTED', detail: 'The record is protected.' }
    if (reason === 'H') return { key, code: 'HELD', detail: 'The record is on hold.' }
    if (reason === 'S') return { key, code: 'PLANNED', detail: 'Another cleanup that waits has it already.' }
    const link = this.#links[Number(reason.slice(1))]!
    const whose = link.holders.length > 0 ? 'of other records' : 'outside the dataset'
    return {
      key,
      code: 'REFERENCED',
      detail: `${rows === 1 ? 'A row' : `${rows} rows`} ${whose} point at it: ${printKey(link.key)}.`,
    }
  }

  summary(triggers: queries.DeleteTrigger[]): Pick<RecordsSurvey, 'plan' | 'leftSha256'> {
    const outside = this.#links.flatMap(({ key, place }, i): OutsideReferences[] => {
      const { rows, records } = this.#outside[i]!
      if (rows === 0) return []
      const table = `${key.table.schema}.${key.table.name}`
      return [
        { table, constraint: key.name, onDelete: key.onDelete, pointsAt: place.node.name, rows, records },
      ]
    })
    const tables = this.#tables.map(({ name, remove, keep }) => [name, { remove, keep }])
    const plan: RecordsPlan = {
      ...this.#plan,
      tables: Object.fromEntries(tables) as RecordsPlan['tables'],
      leftCounts: Object.fromEntries(this.#leftCounts),
      outside,
      triggers: triggers.map(({ table, trigger }) => ({ table, trigger })),
    }
    return { plan, leftSha256: this.#digest.digest('hex') }
  }
}
