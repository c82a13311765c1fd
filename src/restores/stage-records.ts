import { createHash, type Hash } from 'node:crypto'
import type { RecordLine } from '../snapshots/capture.ts'
import type { RecordPair } from '../snapshots/compare.ts'
import {
  diffRecord,
  type Field,
  type Row,
  type RowDifference,
  type SharedColumns,
} from '../snapshots/diff-record.ts'
import type { Dataset } from '../datasets/definition.ts'
import { keyText } from '../holds/hold.ts'
import type { KeyValue } from '../snapshots/manifest.ts'
import { excerpt } from './excerpt.ts'
import type { LineStager } from './stage-line.ts'
import { StageWriter, type Operation, type Stage } from './stage.ts'
import type { Mode, PlanWarning, SampleRecord } from './plan.ts'

/** Records and rows that a plan's sample shows, and fields of each. */
const sampleRecords = 20
const sampleRows = 20
/** Differing records whose state is remembered, so that a drift can be named. */
const rememberedDifferences = 1000
export const listedWarnings = 1000

/** What went by while records were staged. */
export interface Tally {
  /** Of records: those in the source, and those that are the same on both sides. */
  live: number
  same: number
  /** Rows in the source, in the order of `tableNodes`. */
  liveRows: number[]
  /** Records that differ, by key and a digest of which sides have them, and of the source's. */
  differences: [key: KeyValue[], digest: string][]
  differing: number
  /** Protected records that would have been deleted. */
  kept: number
  warnings: PlanWarning[]
  warningCount: number
  sample: SampleRecord[]
  /** Rows staged so far: their numbers. */
  staged: number
  /** Rows to create, in the order of `tableNodes`; less those that a rule leaves out, once all is settled. */
  created: number[]
  /** Over all that differs, in key order. */
  digest: Hash
}

/** @param tables how many the dataset has */
export function newTally(tables: number): Tally {
  return {
    live: 0,
    same: 0,
    liveRows: Array.from({ length: tables }, () => 0),
    created: Array.from({ length: tables }, () => 0),
    differences: [],
    differing: 0,
    kept: 0,
    warnings: [],
    warningCount: 0,
    sample: [],
    staged: 0,
    digest: createHash('sha256'),
  }
}

export function warn(tally: Tally, warning: PlanWarning): void {
  tally.warningCount++
  if (tally.warnings.length < listedWarnings) tally.warnings.push(warning)
}

export interface StagingContext {
  dataset: Dataset
  mode: Mode
  shared: SharedColumns
  /** Records that are held, as `keyText` writes their keys: they are not deleted. */
  held: ReadonlySet<string>
  stages: Stage[]
  writer: StageWriter
  lines: LineStager
  tally: Tally
  /** Rows go straight into tables that are empty. */
  onlyNew: boolean
}

/**
 * Stages every row that a restore would create, change or delete.
 * @returns the source's lines of the records that it touches, as they are now: what a safety snapshot must hold
 */
export async function* stageRecords(
  context: StagingContext,
  pairs: AsyncIterable<RecordPair[]>,
): AsyncGenerator<RecordLine[]> {
  for await (const batch of pairs) {
    const touched = batch.filter((pair) => stagePair(context, pair))
    await context.writer.flush()
    yield touched.flatMap(({ live }) => (live === null ? [] : [live]))
  }
  await context.writer.flush(true)
}

/** @returns whether the record is touched */
function stagePair(context: StagingContext, pair: RecordPair): boolean {
  const { tally, mode, dataset, shared } = context
  countLive(tally, pair)
  if (pair.stored !== null && pair.live?.json.equals(pair.stored)) {
    tally.same++
    return false
  }
  if (pair.stored === null && mode !== 'replace') return false
  if (pair.live === null) return stageNew(context, pair)
  if (context.onlyNew) throw new Error('a table that was empty has a record')
  const difference = diffRecord(dataset.root, shared, parse(pair.stored), parse(pair.live.json))
  if (isProtected(context, difference)) {
    tally.kept++
    warn(tally, {
      code: 'PROTECTED_KEPT',
      table: dataset.root.name,
      key: pair.key,
      detail: 'The record is protected, so it is kept although the snapshot does not have it.',
    })
    return false
  }
  if (difference.kind === 'live only' && context.held.has(keyText(pair.key))) {
    tally.kept++
    warn(tally, {
      code: 'HELD_KEPT',
      table: dataset.root.name,
      key: pair.key,
      detail: 'The record is on hold, so it is kept although the snapshot does not have it.',
    })
    return false
  }
  const plan = operationsOf(difference, mode)
  if (plan === null) {
    tally.same++
    return false
  }
  remember(tally, pair)
  addSample(context, pair.key, difference, plan)
  stagePlan(context, plan)
  return true
}

/** Of a record that isn't there every row is to be created: only what a sample shows is looked into. */
function stageNew(context: StagingContext, pair: RecordPair): boolean {
  const { tally, dataset, shared, mode } = context
  remember(tally, pair)
  if (tally.sample.length < sampleRecords) {
    const difference = diffRecord(dataset.root, shared, parse(pair.stored), null)
    addSample(context, pair.key, difference, operationsOf(difference, mode)!)
  }
  tally.staged = context.lines.add(pair.stored!, tally.staged)
  return true
}

function countLive(tally: Tally, { live }: RecordPair): void {
  if (live === null) return
  tally.live++
  for (const [i, rows] of live.rows.entries()) tally.liveRows[i]! += rows
}

function parse(json: Buffer | null): Row | null {
  return json === null ? null : (JSON.parse(json.toString()) as Row)
}

function isProtected({ dataset }: StagingContext, { kind, live }: RowDifference): boolean {
  const column = dataset.root.protect
  return kind === 'live only' && column !== null && live?.[column.name] === true
}

/** What becomes of a row and of those below it; null when nothing is to be done. */
interface RowPlan {
  difference: RowDifference
  operation: Operation
  children: RowPlan[]
}

function operationsOf(difference: RowDifference, mode: Mode): RowPlan | null {
  const operation = operationFor(difference.kind, mode)
  if (operation === null) return null
  const children = difference.children.flatMap((child) => operationsOf(child, mode) ?? [])
  if (operation === 'k' && children.length === 0) return null
  return { difference, operation, children }
}

function operationFor(kind: RowDifference['kind'], mode: Mode): Operation | null {
  if (kind === 'stored only') return 'c'
  if (kind === 'live only') return mode === 'replace' ? 'd' : null
  return kind === 'differs' && mode !== 'missing' ? 'u' : 'k'
}

/** What a stored record holds is told by its snapshot's hash, which a plan's hash is over as well. */
function remember(tally: Tally, { key, stored, live }: RecordPair): void {
  const digest = createHash('sha256')
    .update(JSON.stringify(key))
    .update(stored === null ? 'absent' : 'stored')
    .update('\n')
    .update(live?.json ?? 'absent')
    .digest('hex')
  tally.digest.update(digest)
  tally.differing++
  if (tally.differences.length < rememberedDifferences) tally.differences.push([key, digest.slice(0, 16)])
}

function addSample(
  { dataset, tally }: StagingContext,
  key: KeyValue[],
  difference: RowDifference,
  plan: RowPlan,
): void {
  if (tally.sample.length >= sampleRecords) return
  const row = difference.stored ?? difference.live!
  const label = row[dataset.root.label.name] as Field
  const change = plan.operation === 'c' ? 'create' : plan.operation === 'd' ? 'delete' : 'update'
  tally.sample.push({ key, label: String(label ?? ''), change, rows: sampleOf(plan).slice(0, sampleRows) })
}

const changes = { c: 'create', u: 'update', d: 'delete' } as const

function sampleOf({ difference, operation, children }: RowPlan): SampleRecord['rows'] {
  const below = children.flatMap(sampleOf)
  if (operation === 'k' || operation === 'x') return below
  const { node, stored, live, fields } = difference
  const shown =
    operation === 'u'
      ? fields.map(({ name, stored, live }) => ({ name, before: excerpt(live), after: excerpt(stored) }))
      : Object.entries((stored ?? live)!)
          .filter(([name]) => !node.children.some((child) => child.as === name))
          .map(([name, value]) => ({
            name,
            before: operation === 'd' ? excerpt(value as Field) : null,
            after: operation === 'c' ? excerpt(value as Field) : null,
          }))
  return [{ table: node.name, change: changes[operation], fields: shown }, ...below]
}

function stagePlan(context: StagingContext, plan: RowPlan): void {
  const record = nextNumber(context.tally)
  stageRow(context, plan, { number: record, record, parent: 0, parentRow: null, top: 0 })
}

function nextNumber(tally: Tally): number {
  return ++tally.staged
}

interface Place {
  number: number
  record: number
  parent: number
  parentRow: Row | null
  top: number
}

function stageRow(context: StagingContext, { difference, operation, children }: RowPlan, place: Place): void {
  const stage = context.stages.find(({ node }) => node === difference.node)!
  const row = (operation === 'd' || operation === 'k' ? difference.live : difference.stored)!
  const top = place.top || (operation === 'c' || operation === 'd' ? place.number : 0)
  context.writer.add({ stage, operation, row, ...place, top })
  for (const child of children) {
    stageRow(context, child, {
      number: nextNumber(context.tally),
      record: place.record,
      parent: place.number,
      parentRow: row,
      top,
    })
  }
}
