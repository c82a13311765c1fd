import type pg from 'pg'
import type { Column } from '../source/catalog.ts'
import { copyRows } from '../source/copy.ts'
import { CopyText } from '../source/copy-text.ts'
import { quoteIdentifier } from '../source/identifiers.ts'
import { elementType } from '../source/keys.ts'
import { toCopyText, type Value } from '../source/values.ts'
import type { TableNode } from '../datasets/definition.ts'
import type { Field, Row, SharedColumns } from '../snapshots/diff-record.ts'

/**
 * What is to become of a row: create, update, delete, keep (staged because a row below it changes), or x: left alone
 * after all, by a rule.
 */
export type Operation = 'c' | 'u' | 'd' | 'k' | 'x'

/** A temporary table that holds the rows of one table that a restore touches, with the values they shall have. */
export interface Stage {
  node: TableNode
  /** Its place in `tableNodes`. */
  index: number
  /** Quoted, schema and all. */
  table: string
  /** Columns of the dataset's table that are staged under their own names. */
  columns: Column[]
  /** Those of them that the artifact brings, references included: what an update sets. */
  restored: Column[]
  /** Tells a row of the table from all others. */
  identity: Column[]
  /** What was staged so far. Rules only take rows out, so a statement about others than these has nothing to do. */
  staged: Set<Operation>
}

/** Whether the stage may hold rows of one of these operations. */
export function mayHold({ staged }: Stage, ...operations: Operation[]): boolean {
  return operations.some((operation) => staged.has(operation))
}

/** Bookkeeping columns; see StagedRow. No column of a dataset has such a name: it is refused when that is loaded. */
const bookkeeping =
  '"holdfast:no" bigint, "holdfast:op" "char", "holdfast:parent" bigint, "holdfast:top" bigint, "holdfast:record" bigint'

/** Staged text of all tables at which it is sent on, in bytes. */
const flushBytes = 4_194_304

/** Name of the staged column with part `part` of the stable key of reference `reference`. */
export function referenceColumn(reference: number, part: number): string {
  return quoteIdentifier(`holdfast:r${reference}_${part}`)
}

/** Describes the stages of a dataset's tables, in the order of `tableNodes`; none for tables that the artifact lacks. */
export function describeStages(nodes: TableNode[], shared: SharedColumns): Stage[] {
  return nodes.flatMap((node, index) => {
    if (!shared.has(node)) return []
    const pointers = node.references.flatMap((reference) => reference.columns)
    const restored = node.table.columns.filter(
      (column) =>
        shared.get(node)?.includes(column) || (pointers.includes(column) && isShared(node, column, shared)),
    )
    const parent = node.parent?.columns ?? []
    const columns = [...new Set([...restored, ...parent, ...node.internal, ...node.key])]
    const primary = node.table.primaryKey.map((name) => columns.find((column) => column.name === name))
    const identity =
      primary.length > 0 && primary.every((column) => column !== undefined)
        ? primary
        : [...parent, ...node.key]
    const table = `pg_temp.${quoteIdentifier(`holdfast_${index}`)}`
    return [{ node, index, table, columns, restored, identity, staged: new Set() }]
  })
}

/** Of a reference with several columns only the first stands in the artifact, for all of them. */
function isShared(node: TableNode, column: Column, shared: SharedColumns): boolean {
  const reference = node.references.find(({ columns }) => columns.includes(column))
  return reference !== undefined && (shared.get(node)?.includes(reference.columns[0]!) ?? false)
}

/** Creates the stages, in a transaction of its own: the one that follows may be read-only. */
export async function createStages(client: pg.ClientBase, stages: Stage[]): Promise<void> {
  const creations = stages.map(({ table, columns, node }) => {
    const own = columns.map((column) => `${quoteIdentifier(column.name)} ${column.type}`)
    const keys = node.references.flatMap((reference, r) => [
      ...reference.key.map((column, part) => `${referenceColumn(r, part)} ${elementType(column)}`),
      `"holdfast:found${r}" boolean`,
    ])
    return `CREATE TEMPORARY TABLE ${table.replace('pg_temp.', '')} (${[bookkeeping, ...own, ...keys].join(', ')})`
  })
  await atOnce(client, [dropAll(stages), ...creations])
}

export async function dropStages(client: pg.ClientBase, stages: Stage[]): Promise<void> {
  await atOnce(client, [dropAll(stages)])
}

function dropAll(stages: Stage[]): string {
  return `DROP TABLE IF EXISTS ${stages.map(({ table }) => table).join(', ')}`
}

/** One trip and one commit, which nobody waits for the disk to keep: temporary tables don't outlive the session. */
async function atOnce(client: pg.ClientBase, statements: string[]): Promise<void> {
  await client.query(['BEGIN', 'SET LOCAL synchronous_commit = off', ...statements, 'COMMIT'].join(';\n'))
}

/** A row to stage. Numbers are unique over all tables; 0 stands for none. */
export interface StagedRow {
  stage: Stage
  number: number
  operation: Operation
  /** The row above it, and that row's values, which its parent columns are taken from. */
  parent: number
  parentRow: Row | null
  /** The topmost row above it that is created or deleted along with it, or itself. */
  top: number
  /** The root's row. */
  record: number
  row: Row
}

/** Collects rows and sends them on with COPY, a stage at a time; what comes next is collected meanwhile. */
export class StageWriter {
  #client: pg.ClientBase
  #target: (stage: Stage) => string
  #pending: Map<Stage, CopyText>
  #sending = Promise.resolve()
  /** How many rows of each stage PostgreSQL says have arrived. */
  readonly arrived = new Map<Stage, number>()

  /** @param target where a stage's rows go, as `copyRows` takes it; by default into the stage */
  constructor(client: pg.ClientBase, stages: Stage[], target = ({ table }: Stage) => table) {
    this.#client = client
    this.#target = target
    this.#pending = new Map(stages.map((stage) => [stage, new CopyText()]))
  }

  add(staged: StagedRow): void {
    this.output(staged.stage, staged.operation).text(copyLine(staged))
  }

  /** Where a stage's rows are written, of which one with this operation comes next. */
  output(stage: Stage, operation: Operation): CopyText {
    stage.staged.add(operation)
    return this.#pending.get(stage)!
  }

  /** @param force true: all that was collected, and until it has arrived */
  async flush(force = false): Promise<void> {
    const pending = [...this.#pending].filter(([, rows]) => rows.length > 0)
    const size = pending.reduce((sum, [, rows]) => sum + rows.length, 0)
    if (!force && size < flushBytes) return
    await this.#sending
    this.#sending = this.#send(pending.map(([stage, rows]) => [stage, rows.take()]))
    // What goes wrong is told by the flush that comes next; there always is a last one.
    this.#sending.catch(() => undefined)
    if (force) await this.#sending
  }

  async #send(collected: [Stage, Buffer][]): Promise<void> {
    for (const [stage, rows] of collected) {
      const arrived = await copyRows(this.#client, this.#target(stage), rows)
      this.arrived.set(stage, (this.arrived.get(stage) ?? 0) + arrived)
    }
  }
}

/** NULL in COPY's text. */
export const none = '\\N'

function copyLine({ stage, number, operation, parent, parentRow, top, record, row }: StagedRow): string {
  const { node } = stage
  const fields = [String(number), operation, String(parent), String(top), String(record)]
  for (const column of stage.columns) fields.push(columnText(node, column, row, parentRow))
  for (const reference of node.references) {
    const field = row[reference.columns[0]!.name] as Field | undefined
    fields.push(...stableKey(field, reference.key.length), none)
  }
  return `${fields.join('\t')}\n`
}

/** What is known of a column's value from the artifact; the rest is looked up in the database afterwards. */
export function columnText(node: TableNode, column: Column, row: Row, parentRow: Row | null): string {
  const asParent = node.parent?.columns.indexOf(column) ?? -1
  if (asParent >= 0) {
    const value = parentRow?.[node.parent!.parentColumns[asParent]!.name]
    return isValue(value) ? toCopyText(value) : none
  }
  const reference = node.references.find(({ columns }) => columns.includes(column))
  if (reference !== undefined) {
    const field = row[reference.columns[0]!.name] as Field | undefined
    const raw = isUnresolved(field) ? field.unresolved[reference.columns.indexOf(column)]! : null
    return toCopyText(raw)
  }
  const value = row[column.name]
  return isValue(value) ? toCopyText(value) : none
}

function isValue(field: Field | Row[] | undefined): field is Value {
  return field !== undefined && (field === null || typeof field !== 'object')
}

function isUnresolved(field: Field | undefined): field is { unresolved: string[] } {
  return field !== null && typeof field === 'object' && 'unresolved' in field
}

/** The parts of a reference's stable key, as COPY's text. */
export function stableKey(field: Field | undefined, parts: number): string[] {
  if (field === undefined || field === null || isUnresolved(field))
    return Array.from({ length: parts }, () => none)
  const key = typeof field === 'object' && 'key' in field ? field.key : field
  return (Array.isArray(key) ? key : [key as Value]).map(toCopyText)
}
