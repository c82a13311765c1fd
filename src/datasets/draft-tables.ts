import type { Catalog, ForeignKey, Table } from '../source/catalog.ts'
import type { TableDeclaration } from './definition.ts'
import { draftReferences } from './draft-references.ts'
import { guessDates, guessLabel, guessOrder, guessProtect } from './guess-columns.ts'
import { isKey } from './resolve-key.ts'
import { fillsItself, printTable, sameSet, sameTable } from './resolution.ts'

/** Tables below tables at most, and tables in all: what goes beyond is named in a comment. */
const maxDepth = 6
const maxTables = 100

/** A draft and what is to be said about its parts. */
export interface Draft {
  declaration: TableDeclaration
  /** Comments above a table's declaration. */
  remarks: Map<TableDeclaration, string[]>
  remark(about: TableDeclaration, text: string): void
}

interface Drafted {
  table: Table
  declaration: TableDeclaration
  depth: number
  /** The foreign key that makes its rows part of their parent's. */
  link: ForeignKey | null
}

/**
 * Follows the foreign keys that point at a table, level by level, so that a table comes under the nearest of the tables
 * that it could belong to; then declares what its rows point at themselves.
 */
export function draftRecords(catalog: Catalog, root: Table): Draft {
  const remarks: Draft['remarks'] = new Map()
  const draft: Draft = {
    declaration: { table: printTable(root), ...keyOf(root, []) },
    remarks,
    remark: (about, text) => remarks.set(about, [...(remarks.get(about) ?? []), text]),
  }
  const tables: Drafted[] = [{ table: root, declaration: draft.declaration, depth: 0, link: null }]
  describeRoot(root, draft)
  for (const drafted of tables) tables.push(...draftChildren(drafted, tables, catalog, draft))
  for (const drafted of tables) finish(drafted, tables, catalog, draft)
  return draft
}

function describeRoot(root: Table, draft: Draft): void {
  const { declaration } = draft
  if (root.primaryKey.length === 0) {
    draft.remark(declaration, `${printTable(root)} has no primary key; this unique key stands in for it.`)
  }
  const stable = otherKeys(root)
  if (stable.length > 0) {
    draft.remark(
      declaration,
      `Also unique: ${stable.map((key) => key.join(', ')).join('; ')}. As \`key\`, it would keep internal ids out of snapshots.`,
    )
  }
  const [label, dates, protect] = [guessLabel(root), guessDates(root), guessProtect(root)]
  if (label !== null) declaration.label = label.name
  if (dates !== null) declaration.dates = dates.name
  if (protect !== null) declaration.protect = protect.name
  if (dates === null)
    draft.remark(
      declaration,
      'No date or timestamp was found for `dates`: no months, no periods, no retention by age.',
    )
}

/** The key of a table without a primary key: the first other one that is as good. */
function keyOf(table: Table, parent: readonly string[]): Pick<TableDeclaration, 'key'> {
  if (table.primaryKey.length > 0 && usable(table, table.primaryKey)) return {}
  const key = table.uniqueKeys.find((candidate) => usable(table, candidate) && !sameSet(candidate, parent))
  return key === undefined ? {} : { key: key.length === 1 ? key[0]! : key }
}

function usable(table: Table, key: readonly string[]): boolean {
  return isKey(table, key)
}

function otherKeys(table: Table): string[][] {
  return table.uniqueKeys.filter((key) => isKey(table, key) && !sameSet(key, table.primaryKey))
}

/** Tables whose rows belong to a row of this one, each by one foreign key. */
function draftChildren(parent: Drafted, tables: Drafted[], catalog: Catalog, draft: Draft): Drafted[] {
  const children: Drafted[] = []
  const fields = new Set(parent.table.columns.map((column) => column.name))
  const known = (table: Table) => [...tables, ...children].some((drafted) => sameTable(drafted.table, table))
  for (const [name, keys] of Map.groupBy(parent.table.referencedBy, (key) => printTable(key.table))) {
    const table = catalog.tables.get(name)
    if (table === undefined || table.partition || known(table)) continue
    const owning = keys.filter((key) => belongs(key, table))
    if (owning.length === 0) {
      draft.remark(
        parent.declaration,
        `${name} points here by ${columnsOf(keys)}, which may be NULL: its rows were taken for others' and left out.`,
      )
      continue
    }
    if (parent.depth >= maxDepth || tables.length + children.length >= maxTables) {
      draft.remark(parent.declaration, `${name} belongs here too, but the draft is large enough already.`)
      continue
    }
    const link = owning.find((key) => key.onDelete === 'cascade') ?? owning[0]!
    children.push({
      table,
      declaration: draftChild(table, link, keys, fields, draft),
      depth: parent.depth + 1,
      link,
    })
  }
  if (children.length > 0) parent.declaration.children = children.map((child) => child.declaration)
  return children
}

function columnsOf(keys: readonly ForeignKey[]): string {
  return keys.map((key) => key.columns.join(', ')).join(' and ')
}

/** Rows that go with what they point at, or can't be without it, belong to it. */
function belongs(key: ForeignKey, table: Table): boolean {
  const required = key.columns.every((name) => table.columns.find((column) => column.name === name)?.notNull)
  return key.onDelete === 'cascade' || required
}

/** @param fields names that are taken in the parent's rows; the child's is added */
function draftChild(
  table: Table,
  link: ForeignKey,
  keys: ForeignKey[],
  fields: Set<string>,
  draft: Draft,
): TableDeclaration {
  const declaration: TableDeclaration = { table: printTable(table), ...asName(table, fields) }
  fields.add(declaration.as ?? table.name)
  if (keys.length > 1) {
    declaration.parent = link.columns.length === 1 ? link.columns[0]! : link.columns
    draft.remark(
      declaration,
      `Points at ${printTable(link.references)} by ${columnsOf(keys)}; taken for its rows by ${columnsOf([link])}.`,
    )
  }
  Object.assign(declaration, keyOf(table, link.columns))
  const order = guessOrder(table)
  if (order !== null) declaration.order = order.name
  if (isJunction(table)) {
    draft.remark(
      declaration,
      'Connects two tables (many-to-many): the connection belongs to the record, what it leads to does not.',
    )
  }
  return declaration
}

/** A name that is no field of the parent's yet; none where the table's own will do. */
function asName(table: Table, fields: ReadonlySet<string>): Pick<TableDeclaration, 'as'> {
  if (!fields.has(table.name)) return {}
  const plain = `${table.schema}_${table.name}`.replace(/[^A-Za-z0-9_-]+/g, '_').replace(/^[^A-Za-z]+/, '')
  const base = plain.slice(0, 58) || 'rows'
  for (let n = 1; ; n++) {
    const as = n === 1 ? base : `${base}_${n}`
    if (!fields.has(as)) return { as }
  }
}

function isJunction(table: Table): boolean {
  const pointing = new Set(table.foreignKeys.flatMap((key) => key.columns))
  return (
    table.foreignKeys.length > 1 &&
    table.primaryKey.length > 1 &&
    table.primaryKey.every((name) => pointing.has(name))
  )
}

/** What depends on all tables being known: references, and columns that can't come back. */
function finish(drafted: Drafted, tables: Drafted[], catalog: Catalog, draft: Draft): void {
  const { table, declaration, link } = drafted
  const lost = table.columns.filter(
    (column) => column.refusal !== null && !column.generated && fillsItself(column),
  )
  if (lost.length > 0) {
    declaration.omit = lost.map((column) => column.name)
    for (const column of lost) draft.remark(declaration, `"${column.name}" is left out: ${column.refusal}.`)
  }
  const { references, remarks } = draftReferences(
    table,
    link,
    declaration,
    (other) => tables.some((one) => sameTable(one.table, other)),
    catalog,
  )
  if (Object.keys(references).length > 0) declaration.references = references
  for (const text of remarks) draft.remark(declaration, text)
}
