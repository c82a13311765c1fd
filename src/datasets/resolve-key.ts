import type { Column, Table } from '../source/catalog.ts'
import type { TableDeclaration } from './definition.ts'
import type { Path } from './problem-list.ts'
import { printColumns, printTable, sameSet, type Resolution } from './resolution.ts'
import { isCitext } from './text-columns.ts'

/**
 * Resolves what tells a table's rows apart: the declared key or the primary key, without the columns that point at
 * the parent. Empty for a child of which each parent has one row at most.
 */
export function resolveKey(
  declaration: TableDeclaration,
  table: Table,
  parentColumns: Column[],
  path: Path,
  resolution: Resolution,
): Column[] {
  const declared = declaration.key ?? table.primaryKey
  if (declaration.key === undefined && table.primaryKey.length === 0) {
    resolution.note(
      path,
      `"${printTable(table)}" has no primary key; name a unique \`key\`${suggestion(table)}`,
    )
    return []
  }
  const here = [...path, 'key']
  const key = resolution.columns(table, declared, here) ?? []
  for (const column of key) checkKeyColumn(column, here, resolution)
  const own = key.filter((column) => !parentColumns.includes(column))
  if (declaration.key !== undefined && key.length > 0)
    checkUnique(table, own, parentColumns, here, resolution)
  return own
}

function checkKeyColumn(column: Column, path: Path, { note }: Resolution): void {
  if (!column.notNull)
    note(path, `"${column.name}" may be NULL, which identifies nothing; a key needs NOT NULL columns`)
  if (column.generated)
    note(path, `"${column.name}" is generated, so no row can be created with it; it can't be part of a key`)
  if (column.comparison !== 'built-in' && !isCitext(column))
    note(
      path,
      `"${column.name}" is of type ${column.type}, whose values only its extension can compare; it can't be part of a key`,
    )
}

function checkUnique(
  table: Table,
  own: Column[],
  parentColumns: Column[],
  path: Path,
  { note }: Resolution,
): void {
  const [wanted, parent] = [own.map((column) => column.name), parentColumns.map((column) => column.name)]
  const unique = table.uniqueKeys.some((key) =>
    sameSet(
      key.filter((name) => !parent.includes(name)),
      wanted,
    ),
  )
  if (unique) return
  const together = parent.length === 0 ? '' : ` together with ${printColumns(parent)}`
  note(
    path,
    `${printColumns(own)} is not unique in "${printTable(table)}"${together}: it needs a unique constraint, or a unique index that is not partial, over exactly these columns${suggestion(table)}`,
  )
}

/** The unique keys there are, for the mend. */
function suggestion(table: Table): string {
  const usable = table.uniqueKeys.filter((key) => isKey(table, key))
  return usable.length === 0 ? '' : `; unique are ${usable.slice(0, 5).map(printColumns).join(', ')}`
}

/** True when these columns are unique together and never NULL. */
export function isKey(table: Table, names: readonly string[]): boolean {
  const columns = table.columns.filter((column) => names.includes(column.name))
  return (
    table.uniqueKeys.some((key) => sameSet(key, names)) &&
    columns.every((column) => column.notNull && !column.generated && column.refusal === null)
  )
}
