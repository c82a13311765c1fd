import type { Column, ForeignKey, Table } from '../source/catalog.ts'
import type { TableDeclaration, TableNode } from './definition.ts'
import type { Path } from './problem-list.ts'
import { printColumns, printTable, sameSet, sameTable, type Resolution } from './resolution.ts'

type Link = NonNullable<TableNode['parent']>

/**
 * Resolves which columns of a child point at its parent: the declared ones, or those of the one foreign key. Declared
 * columns need no foreign key when they fit the parent's primary key.
 */
export function resolveParent(
  declaration: TableDeclaration,
  table: Table,
  parent: TableNode,
  path: Path,
  resolution: Resolution,
): Link | null {
  const keys = table.foreignKeys.filter((key) => sameTable(key.references, parent.table))
  const link =
    declaration.parent === undefined
      ? byForeignKey(keys, table, parent, path, resolution)
      : byColumns(declaration.parent, keys, table, parent, [...path, 'parent'], resolution)
  const generated = link?.columns.find((column) => column.generated)
  if (generated !== undefined) {
    resolution.note(
      [...path, 'parent'],
      `"${generated.name}" is generated, so no row can be created with it; it can't point at a parent`,
    )
  }
  return link
}

function byForeignKey(
  keys: ForeignKey[],
  table: Table,
  parent: TableNode,
  path: Path,
  resolution: Resolution,
): Link | null {
  const [only] = keys
  if (keys.length === 1) return linkOf(only!, table, parent)
  const both = `"${printTable(table)}" to "${parent.name}"`
  resolution.note(
    path,
    keys.length === 0
      ? `there is no foreign key from ${both}; name the pointing columns with \`parent\``
      : `there are several foreign keys from ${both}; choose one with \`parent\`: ${keys.map((key) => printColumns(key.columns)).join(' or ')}`,
  )
  return null
}

function byColumns(
  declared: string | string[],
  keys: ForeignKey[],
  table: Table,
  parent: TableNode,
  path: Path,
  resolution: Resolution,
): Link | null {
  const columns = resolution.columns(table, declared, path)
  if (columns === null) return null
  const names = columns.map((column) => column.name)
  const key = keys.find((candidate) => sameSet(candidate.columns, names))
  if (key !== undefined) return linkOf(key, table, parent)
  return byPrimaryKey(columns, parent, path, resolution)
}

function byPrimaryKey(columns: Column[], parent: TableNode, path: Path, resolution: Resolution): Link | null {
  const parentColumns = columnsNamed(parent.table, parent.table.primaryKey)
  const fits =
    columns.length === parentColumns.length &&
    columns.every((column, i) => column.baseType === parentColumns[i]!.baseType)
  if (fits) return { node: parent, columns, parentColumns }
  resolution.note(
    path,
    `${printColumns(columns)} has no foreign key to "${parent.name}", nor do its types fit the primary key there, ${printColumns(parentColumns)}`,
  )
  return null
}

function linkOf(key: ForeignKey, table: Table, parent: TableNode): Link {
  return {
    node: parent,
    columns: columnsNamed(table, key.columns),
    parentColumns: columnsNamed(parent.table, key.referencedColumns),
  }
}

/** A table's columns by name, in the order of the names. */
export function columnsNamed(table: Table, names: readonly string[]): Column[] {
  return names.map((name) => table.columns.find((column) => column.name === name)!)
}
