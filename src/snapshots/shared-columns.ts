import type { Dataset, TableNode } from '../datasets/definition.ts'
import { tableNodes } from './capture.ts'
import { artifactColumns } from './capture-queries.ts'
import type { SharedColumns } from './diff-record.ts'
import { snapshotProblems } from './errors.ts'

interface StoredTable {
  as: string
  key: string[]
  columns: Record<string, string>
}

/**
 * Compares what an artifact says of its tables with what the dataset is now. Tables and columns that only one side has
 * are left as they are, and said so.
 * @param header of the artifact
 * @throws Problem ARTIFACT_INCOMPATIBLE when rows could not be told apart any more
 */
export function shareColumns(
  dataset: Dataset,
  header: Record<string, unknown>,
): { shared: SharedColumns; notes: string[] } {
  const stored = storedTables(header)
  const shared: SharedColumns = new Map()
  const notes: string[] = []
  for (const node of tableNodes(dataset.root)) {
    const table = stored[node.name]
    if (table === undefined || !shareParent(node, shared)) {
      if (node.parent === null) throw incompatible(`it holds no rows of ${node.name}`)
      notes.push(`${node.name} is not in the snapshot: its rows are left as they are.`)
      continue
    }
    requireSameKey(node, table)
    const columns = artifactColumns(node)
    shared.set(
      node,
      columns.filter(({ name }) => Object.hasOwn(table.columns, name)),
    )
    notes.push(
      ...differences(
        node,
        columns.map(({ name }) => name),
        Object.keys(table.columns),
      ),
    )
  }
  return { shared, notes }
}

function storedTables({ definition }: Record<string, unknown>): Record<string, StoredTable> {
  return (definition as { tables?: Record<string, StoredTable> } | undefined)?.tables ?? {}
}

function shareParent(node: TableNode, shared: SharedColumns): boolean {
  return node.parent === null || shared.has(node.parent.node)
}

function requireSameKey(node: TableNode, { as, key }: StoredTable): void {
  const now = node.key.map(({ name }) => name).join(', ')
  if (now !== key.join(', '))
    throw incompatible(`${node.name} had the key ${key.join(', ')} and now has ${now}`)
  if (node.parent !== null && as !== node.as)
    throw incompatible(`${node.name} was called ${as} and now is ${node.as}`)
}

function differences({ name }: TableNode, now: string[], then: string[]): string[] {
  const gone = then.filter((column) => !now.includes(column))
  const added = now.filter((column) => !then.includes(column))
  return [
    ...gone.map(
      (column) => `${name}.${column} is in the snapshot but no longer in the dataset: it is left out.`,
    ),
    ...added.map(
      (column) => `${name}.${column} came after the snapshot: rows keep it, new ones get its default.`,
    ),
  ]
}

function incompatible(what: string) {
  return snapshotProblems.ARTIFACT_INCOMPATIBLE(`The snapshot does not fit the dataset: ${what}.`)
}
