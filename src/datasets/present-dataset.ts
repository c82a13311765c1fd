import type { Static } from 'typebox'
import type { SourcePool } from '../source/connect.ts'
import { Problem } from '../platform/errors.ts'
import type { Column } from '../source/catalog.ts'
import { estimateRows } from '../source/estimate-rows.ts'
import type { Dataset, TableNode } from './definition.ts'
import type { ListedDataset } from './plugin.ts'
import type { DatasetBody, Freshness } from './schemas.ts'

type Body = Static<typeof DatasetBody>

/** A dataset in a list. @param freshness null where nothing is known */
export function presentSummary(listed: ListedDataset, freshness: Static<typeof Freshness> | null) {
  const { name, title, file, problems } = listed
  return { name, title, file, valid: problems.length === 0, problems, freshness }
}

/** One dataset in full; `dataset` is null when it has problems. */
export async function presentDataset(
  listed: ListedDataset,
  dataset: Dataset | null,
  source: SourcePool | null,
  freshness: Static<typeof Freshness> | null,
): Promise<Body> {
  const nodes = dataset === null ? [] : pathsOf(dataset.root, 'records', '')
  return {
    ...presentSummary(listed, freshness),
    description: dataset?.description ?? '',
    source: dataset?.source ?? null,
    timezone: dataset?.timezone ?? null,
    definition: dataset === null ? null : { ...dataset.declaration },
    tables: nodes.map(([path, node]) => presentTable(path, node)),
    counts:
      source === null
        ? null
        : await countsOf(
            source,
            nodes.map(([, node]) => node),
          ),
  }
}

function pathsOf(node: TableNode, path: string, prefix: string): [string, TableNode][] {
  return [
    [path, node],
    ...node.children.flatMap((child) => pathsOf(child, prefix + child.as, `${prefix}${child.as}.`)),
  ]
}

function presentTable(path: string, { name, key, columns, internal, omitted, references }: TableNode) {
  return {
    name,
    path,
    key: namesOf(key),
    columns: namesOf(columns),
    internal: namesOf(internal),
    omitted: namesOf(omitted),
    references: references.map(({ columns, table, key, missing }) => ({
      columns: namesOf(columns),
      table: `${table.schema}.${table.name}`,
      key: namesOf(key),
      missing,
    })),
  }
}

function namesOf(columns: Column[]): string[] {
  return columns.map(({ name }) => name)
}

/** What a dataset is can be read while its source is away; how much there is can't. */
async function countsOf(source: SourcePool, nodes: TableNode[]): Promise<Record<string, number> | null> {
  try {
    const rows = await source.withConnection((client) =>
      estimateRows(
        client,
        nodes.map(({ table }) => table.oid),
      ),
    )
    return Object.fromEntries(nodes.map(({ name, table }) => [name, rows.get(table.oid) ?? 0]))
  } catch (error) {
    if (error instanceof Problem) return null
    throw error
  }
}
