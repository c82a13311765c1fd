import type { Column, ForeignKey, Table } from '../source/catalog.ts'
import type { Reference, ReferenceDeclaration, TableNode } from './definition.ts'
import type { Path } from './problem-list.ts'
import { isKey } from './resolve-key.ts'
import { columnsNamed } from './resolve-parent.ts'
import { printColumns, printTable, sameTable, type DeclaredNode, type Resolution } from './resolution.ts'

/** Resolves the references of all tables, once every table of the dataset is known. */
export function resolveReferences(resolution: Resolution): void {
  for (const { node, declaration, path } of resolution.nodes) {
    for (const [name, reference] of Object.entries(declaration.references ?? {})) {
      const resolved = resolveReference(node, name, reference, [...path, 'references', name], resolution)
      if (resolved !== null) node.references.push(resolved)
    }
  }
}

function resolveReference(
  node: TableNode,
  name: string,
  declaration: ReferenceDeclaration,
  path: Path,
  resolution: Resolution,
): Reference | null {
  const column = resolution.column(node.table, name, path)
  const table = resolution.table(declaration.table, [...path, 'table'])
  if (column === null || table === null) return null
  const reason = reasonAgainstColumn(node, column)
  if (reason !== null) resolution.note(path, `"${name}" ${reason}`)
  const pointers = pointersOf(node.table, column, table, path, resolution)
  const key = resolution.columns(table, declaration.key, [...path, 'key'])
  const include = resolution.columns(table, declaration.include ?? [], [...path, 'include'])
  if (pointers === null || key === null || include === null) return null
  const missing = declaration.missing ?? 'fail'
  checkReferenceKey(table, key, path, resolution)
  checkInclude(include, path, resolution)
  if (missing === 'null' && pointers.columns.every((pointer) => pointer.notNull)) {
    resolution.note([...path, 'missing'], `${printColumns(pointers.columns)} is NOT NULL; use skip or fail`)
  }
  return { ...pointers, table, key, missing, include, within: resolution.nodeOf(table) !== null }
}

function reasonAgainstColumn(node: TableNode, column: Column): string | null {
  if (column.generated) return "is generated; it can't be a reference"
  if (node.omitted.includes(column)) return 'is left out by `omit`; take it off there, or here'
  if (node.parent?.columns.includes(column))
    return 'points at the parent, which its place in the artifact says already'
  if (node.parent === null && node.key.includes(column))
    return "is part of the records' own key; it can't be a reference too"
  return null
}

type Pointers = Pick<Reference, 'columns' | 'referencedColumns'>

/** By the foreign key that has the column; without one, by the target's primary key if that is a single column. */
function pointersOf(
  table: Table,
  column: Column,
  target: Table,
  path: Path,
  resolution: Resolution,
): Pointers | null {
  const keys = table.foreignKeys.filter(
    (key) => sameTable(key.references, target) && key.columns.includes(column.name),
  )
  const single = keys.filter((key) => key.columns.length === 1)
  const chosen = single.length === 1 ? single : keys
  if (chosen.length === 1) return pointersOfKey(chosen[0]!, table, column, target)
  if (chosen.length > 1) {
    resolution.note(
      path,
      `several foreign keys from "${column.name}" to "${printTable(target)}"; which one is meant can't be told`,
    )
    return null
  }
  const [primary, ...more] = columnsNamed(target, target.primaryKey)
  if (primary !== undefined && more.length === 0 && primary.baseType === column.baseType) {
    return { columns: [column], referencedColumns: [primary] }
  }
  resolution.note(
    path,
    `"${column.name}" has no foreign key to "${printTable(target)}", nor does its type fit the primary key there`,
  )
  return null
}

/** The declared column first: it names the field in the artifact. */
function pointersOfKey(key: ForeignKey, table: Table, column: Column, target: Table): Pointers {
  const first = key.columns.indexOf(column.name)
  const order = [first, ...key.columns.keys().filter((i) => i !== first)]
  const at = (names: string[]) => order.map((i) => names[i]!)
  return {
    columns: columnsNamed(table, at(key.columns)),
    referencedColumns: columnsNamed(target, at(key.referencedColumns)),
  }
}

function checkReferenceKey(table: Table, key: Column[], path: Path, resolution: Resolution): void {
  if (
    !isKey(
      table,
      key.map((column) => column.name),
    )
  ) {
    resolution.note(
      [...path, 'key'],
      `${printColumns(key)} is no key of "${printTable(table)}": it must be NOT NULL and unique there, by a constraint or an index over exactly these columns`,
    )
  }
  const internal = key.filter((column) => resolution.nodeOf(table)?.internal.includes(column))
  if (internal.length > 0) {
    resolution.note(
      [...path, 'key'],
      `${printColumns(internal)} stays out of the artifact and may be another after a restore, as "${printTable(table)}" has a \`key\` of its own; refer to that`,
    )
  }
}

function checkInclude(include: Column[], path: Path, { note }: Resolution): void {
  for (const [i, column] of include.entries()) {
    if (column.refusal !== null)
      note([...path, 'include', i], `"${column.name}", type ${column.type}: ${column.refusal}`)
    if (['key', 'unresolved', '__proto__'].includes(column.name)) {
      note([...path, 'include', i], `"${column.name}" has a meaning of its own in a reference; leave it out`)
    }
  }
}

/**
 * Rows that point at internal ids of this very dataset must do so by a reference: the ids may be others after a
 * restore.
 */
export function checkPointers(resolution: Resolution): void {
  for (const declared of resolution.nodes) {
    for (const key of declared.node.table.foreignKeys) checkPointer(declared, key, resolution)
  }
}

function checkPointer({ node, path }: DeclaredNode, key: ForeignKey, resolution: Resolution): void {
  const target = resolution.nodeOf(key.references)
  const internal = target?.internal.filter((column) => key.referencedColumns.includes(column.name)) ?? []
  const stored = node.columns.some((column) => key.columns.includes(column.name))
  if (internal.length === 0 || !stored || isParentKey(node, key) || isDeclared(node, key)) return
  resolution.note(
    path,
    `${printColumns(key.columns)} points at ${printColumns(internal)} of "${printTable(key.references)}", which may be another after a restore: declare it under \`references\`, or \`omit\` it`,
  )
}

function isParentKey(node: TableNode, key: ForeignKey): boolean {
  return (
    node.parent !== null &&
    key.columns.every((name) => node.parent!.columns.some((column) => column.name === name))
  )
}

function isDeclared(node: TableNode, key: ForeignKey): boolean {
  return node.references.some(
    (reference) =>
      sameTable(reference.table, key.references) &&
      key.columns.every((name) => reference.columns.some((column) => column.name === name)),
  )
}
