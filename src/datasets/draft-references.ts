import type { Catalog, ForeignKey, Table } from '../source/catalog.ts'
import type { MissingRule, ReferenceDeclaration, TableDeclaration } from './definition.ts'
import { isKey } from './resolve-key.ts'
import { columnsNamed } from './resolve-parent.ts'
import { printTable } from './resolution.ts'
import { isText } from './text-columns.ts'

interface Drafted {
  references: Record<string, ReferenceDeclaration>
  remarks: string[]
}

/**
 * Declares what a table's rows point at besides their parent: by a natural key of a table outside the dataset if there
 * is one, else by the key that the foreign key itself goes by.
 * @param link the foreign key to the parent; null for the root
 * @param within whether a table is part of the dataset
 */
export function draftReferences(
  table: Table,
  link: ForeignKey | null,
  declaration: TableDeclaration,
  within: (table: Table) => boolean,
  catalog: Catalog,
): Drafted {
  const drafted: Drafted = { references: {}, remarks: [] }
  const closed = new Set([
    ...(link?.columns ?? []),
    ...(declaration.omit ?? []),
    ...ownKey(table, link, declaration),
  ])
  for (const key of table.foreignKeys) {
    if (key === link) continue
    const target = catalog.tables.get(printTable(key.references))
    const column = key.columns.find((name) => !closed.has(name) && !Object.hasOwn(drafted.references, name))
    if (target === undefined || column === undefined || isGenerated(table, column)) continue
    const reference = draftReference(table, key, target, within(target), link === null)
    if (reference === null) {
      drafted.remarks.push(
        `"${column}" points at ${printTable(target)}, which has no key that is never NULL; stored as it is.`,
      )
      continue
    }
    drafted.references[column] = reference
    drafted.remarks.push(explain(column, key, target, reference))
  }
  return drafted
}

/** A record's own key can't be a reference. */
function ownKey(table: Table, link: ForeignKey | null, declaration: TableDeclaration): string[] {
  return link === null ? [declaration.key ?? table.primaryKey].flat() : []
}

function isGenerated(table: Table, name: string): boolean {
  return table.columns.some((column) => column.name === name && column.generated)
}

function draftReference(
  table: Table,
  key: ForeignKey,
  target: Table,
  within: boolean,
  isRoot: boolean,
): ReferenceDeclaration | null {
  const natural = within ? null : naturalKey(target, key.referencedColumns)
  const chosen = natural ?? (isKey(target, key.referencedColumns) ? key.referencedColumns : null)
  if (chosen === null) return null
  return {
    table: printTable(target),
    key: chosen.length === 1 ? chosen[0]! : chosen,
    missing: missingRule(table, key, isRoot),
  }
}

/** A unique key of text, none of whose columns points elsewhere; none when the ids themselves are stable. */
function naturalKey(target: Table, ids: string[]): string[] | null {
  if (columnsNamed(target, ids).every((column) => column.baseType === 'uuid' || isText(column))) return null
  const pointing = new Set(target.foreignKeys.flatMap((key) => key.columns))
  const candidates = target.uniqueKeys.filter(
    (key) =>
      isKey(target, key) &&
      columnsNamed(target, key).every((column) => !pointing.has(column.name) && isText(column)),
  )
  return candidates.sort((a, b) => a.length - b.length)[0] ?? null
}

/** Nobody is told to lose a row of their own: a record's reference must be there, a belonging row may be skipped. */
function missingRule(table: Table, key: ForeignKey, isRoot: boolean): MissingRule {
  const nullable = columnsNamed(table, key.columns).some((column) => !column.notNull)
  if (nullable) return 'null'
  return isRoot ? 'fail' : 'skip'
}

const consequences: Record<MissingRule, string> = {
  null: 'it is set to NULL',
  skip: 'the row is skipped, with a warning',
  fail: 'the restore is refused',
}

function explain(column: string, key: ForeignKey, target: Table, reference: ReferenceDeclaration): string {
  const by = [reference.key].flat().join(', ')
  const ids = key.referencedColumns.join(', ')
  const stored = by === ids ? `stored as it is (${by})` : `stored as ${by} instead of ${ids}`
  return `"${column}" points at ${printTable(target)}: ${stored}; when that row is gone at a restore, ${consequences[reference.missing!]}.`
}
