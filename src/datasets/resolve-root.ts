import type { Column } from '../source/catalog.ts'
import type { RootNode, TableDeclaration } from './definition.ts'
import type { Path } from './problem-list.ts'
import type { Resolution } from './resolution.ts'
import { resolveTable } from './resolve-table.ts'

const path: Path = ['records']

/** Resolves `records`: the root table with its children, and what only a root has. */
export function resolveRoot(declaration: TableDeclaration, resolution: Resolution): RootNode | null {
  const node = resolveTable(declaration, path, null, resolution)
  if (node === null) return null
  const label = named(declaration, 'label', node, resolution) ?? node.key[0] ?? null
  const dates = named(declaration, 'dates', node, resolution)
  const protect = named(declaration, 'protect', node, resolution)
  if (dates !== null && !['date', 'timestamp', 'timestamptz'].includes(dates.baseType)) {
    resolution.note(
      [...path, 'dates'],
      `"${dates.name}" is of type ${dates.type}; months and periods need a date or a timestamp`,
    )
  }
  if (protect !== null && protect.baseType !== 'bool') {
    resolution.note([...path, 'protect'], `"${protect.name}" is of type ${protect.type}; it must be boolean`)
  }
  // Without a key there is a problem already, and this node goes no further.
  if (label === null) return null
  return becomeRoot(node, { label, dates, protect })
}

/** The children hold on to the node as their parent, so it must stay the same object. */
function becomeRoot(
  node: Omit<RootNode, 'label' | 'dates' | 'protect'>,
  more: Pick<RootNode, 'label' | 'dates' | 'protect'>,
): RootNode {
  return Object.assign(node, more)
}

function named(
  declaration: TableDeclaration,
  field: 'label' | 'dates' | 'protect',
  node: { table: RootNode['table'] },
  resolution: Resolution,
): Column | null {
  const name = declaration[field]
  return name === undefined ? null : resolution.column(node.table, name, [...path, field])
}
