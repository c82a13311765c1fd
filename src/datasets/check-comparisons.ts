import type { Column } from '../source/catalog.ts'
import type { TableNode } from './definition.ts'
import type { Path } from './problem-list.ts'
import { printTable, type Resolution } from './resolution.ts'
import { isCitext } from './text-columns.ts'

/**
 * Rows are joined with PostgreSQL's own operators, whatever the search path. Where rows point at each other by values
 * that an extension compares in its own way (citext: whatever their case), some would not be found: a child would be
 * missing from its record without anybody noticing.
 */
export function checkComparisons(resolution: Resolution): void {
  for (const { node, path } of resolution.nodes) {
    const reasons = new Map(pointing(node).toReversed())
    for (const [column, what] of reasons) {
      if (column.comparison !== 'built-in') refuse(column, what, path, resolution)
    }
  }
}

function pointing({ table, parent, references }: TableNode): [Column, string][] {
  const named = (names: string[]) => table.columns.filter(({ name }) => names.includes(name))
  return [
    ...(parent?.columns ?? []).map((column): [Column, string] => [column, 'points at the parent']),
    // A stable key of citext is right: what it points at is looked up as it was written, in that very case.
    ...references.flatMap(({ columns, key }) =>
      [...columns, ...key.filter((column) => !isCitext(column))].map((column): [Column, string] => [
        column,
        'belongs to a reference',
      ]),
    ),
    ...table.foreignKeys.flatMap(({ columns, references: target }) =>
      named(columns).map((column): [Column, string] => [column, `points at "${printTable(target)}"`]),
    ),
    ...table.referencedBy.flatMap(({ referencedColumns, table: holder }) =>
      named(referencedColumns).map((column): [Column, string] => [
        column,
        `is pointed at by "${printTable(holder)}"`,
      ]),
    ),
  ]
}

function refuse({ name, type }: Column, what: string, path: Path, { note }: Resolution): void {
  note(
    path,
    `"${name}" ${what} and is of type ${type}, whose values only its extension can compare: rows that belong together would not be found`,
  )
}
