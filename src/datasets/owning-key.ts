import type { ForeignKey } from '../source/catalog.ts'
import type { TableNode } from './definition.ts'
import { sameTable } from './resolution.ts'

/**
 * The foreign key by which a child's rows belong to its parent's: while it is there, none is without its parent.
 * @returns undefined for a root, for columns without such a key, and for one that the rows may not keep to
 */
export function owningKey({ table, parent }: TableNode): ForeignKey | undefined {
  return table.foreignKeys.find((key) => key.valid && parent !== null && isOwning(key, parent))
}

/** Whether a foreign key is made of the columns by which a child points at its parent. */
export function isOwning(key: ForeignKey, parent: NonNullable<TableNode['parent']>): boolean {
  const pairs = (from: string[], to: string[]) =>
    from
      .map((name, i) => `${name} ${to[i]}`)
      .sort()
      .join(',')
  const names = (columns: { name: string }[]) => columns.map(({ name }) => name)
  return (
    sameTable(key.references, parent.node.table) &&
    pairs(key.columns, key.referencedColumns) === pairs(names(parent.columns), names(parent.parentColumns))
  )
}
