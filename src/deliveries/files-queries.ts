import type { Files, TableNode } from '../datasets/definition.ts'
import { joinChain, joinReferences, whereClause } from '../snapshots/capture-queries.ts'
import type { Column } from '../source/catalog.ts'
import { quoteIdentifier } from '../source/identifiers.ts'
import { orderBy } from '../source/keys.ts'
import { textExpression } from '../source/values.ts'

/**
 * The query of a scope's files, in the order of the records' keys and then of the rows'. Each line is a JSON array: the
 * keys from the record down to the row, the file's key in the store, name, size, hash, and the values of its folder.
 * Rows without a key have no file.
 * @param condition selects root rows, over the alias `t0`, without parameters; null: all
 */
export function filesQuery(files: Files, condition: string | null): string {
  const chain = chainOf(files.node)
  const last = chain.length - 1
  const text = (column: Column | null) => (column === null ? 'NULL' : textExpression(`t${last}`, column))
  const keys = chain.flatMap((node, depth) => node.key.map((column) => textExpression(`t${depth}`, column)))
  const values = files.folder.flatMap((part) =>
    typeof part === 'string' ? [] : [valueOf(part.of === 'row' ? last : 0, chain, part.column)],
  )
  const fields = [
    array(keys),
    ...[files.key, files.name, files.size, files.sha256].map(text),
    array(values),
  ].join(', ')
  return [
    `SELECT pg_catalog.json_build_array(${fields})::text`,
    `FROM ${joinChain(chain)}`,
    ...chain.flatMap((node, depth) => joinReferences(node, depth, depth === 0 || depth === last)),
    ...whereClause([
      condition === null ? null : `(${condition})`,
      `t${last}.${quoteIdentifier(files.key.name)} IS NOT NULL`,
    ]),
    `ORDER BY ${chain.flatMap((node, depth) => (node.key.length === 0 ? [] : [orderBy(`t${depth}`, node.key)])).join(', ')}`,
  ].join('\n')
}

function array(items: string[]): string {
  return `pg_catalog.json_build_array(${items.join(', ')})`
}

/** From the records' table down to the files'. */
export function chainOf(node: TableNode): TableNode[] {
  return node.parent === null ? [node] : [...chainOf(node.parent.node), node]
}

/** A reference reads as the stable key of what it points at. */
function valueOf(depth: number, chain: TableNode[], column: Column): string {
  const { references } = chain[depth]!
  const i = references.findIndex((reference) => reference.columns[0] === column)
  if (i < 0) return textExpression(`t${depth}`, column)
  const parts = references[i]!.key.map((key) => textExpression(`x${depth}_${i}`, key))
  return `pg_catalog.concat_ws(' ', ${parts.join(', ')})`
}
