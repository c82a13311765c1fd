import type { Dataset, TableNode } from '../datasets/definition.ts'
import type { Column, ForeignKey } from '../source/catalog.ts'
import { isOwning } from '../datasets/owning-key.ts'
import { sameTable } from '../datasets/resolution.ts'

/** One of a dataset's tables with those above it, from the root down. */
export interface Place {
  node: TableNode
  chain: TableNode[]
}

/** A foreign key that points at one of the dataset's tables: whoever deletes there has to ask who points. */
export interface Link {
  place: Place
  key: ForeignKey
  /** Places of the pointing table in the dataset; none for a table outside of it. */
  holders: Place[]
}

/** The dataset's tables, parents before children. */
export function placesOf({ root }: Pick<Dataset, 'root'>): Place[] {
  const descend = (node: TableNode, above: TableNode[]): Place[] => {
    const chain = [...above, node]
    return [{ node, chain }, ...node.children.flatMap((child) => descend(child, chain))]
  }
  return descend(root, [])
}

/**
 * Every foreign key that points at a table of the dataset, but for those by which children belong to their parents:
 * their rows are of the same record.
 */
export function linksInto(dataset: Pick<Dataset, 'root'>): Link[] {
  const places = placesOf(dataset)
  return places.flatMap((place) =>
    place.node.table.referencedBy
      .map((key) => ({ place, key, holders: places.filter(({ node }) => sameTable(node.table, key.table)) }))
      .filter((link) => !isOwnership(link)),
  )
}

function isOwnership({ place, key, holders }: Link): boolean {
  const [holder, ...others] = holders
  const parent = holder?.node.parent
  return Boolean(parent) && others.length === 0 && parent!.node === place.node && isOwning(key, parent!)
}

/** What tells a row of a table from all others. */
export function identityOf(node: TableNode): Column[] {
  const primary = node.table.primaryKey.map((name) =>
    node.table.columns.find((column) => column.name === name)!,
  )
  return primary.length > 0 ? primary : [...(node.parent?.columns ?? []), ...node.key]
}

/** `schema.table`, for people. */
export function printKey({ table, name, onDelete }: ForeignKey): string {
  return `${table.schema}.${table.name} (${name}, ON DELETE ${onDelete.toUpperCase()})`
}
