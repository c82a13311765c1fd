import type { Column, Table } from '../source/catalog.ts'
import type { TableDeclaration, TableNode } from './definition.ts'
import type { Path } from './problem-list.ts'
import { resolveKey } from './resolve-key.ts'
import { resolveParent } from './resolve-parent.ts'
import { fillsItself, printTable, type Resolution } from './resolution.ts'

/**
 * Resolves a declared table and its children, without their references, which may point at any of them.
 * @param parent null for the root
 * @returns null when there is no such table, or nothing to tell its rows apart by
 */
export function resolveTable(
  declaration: TableDeclaration,
  path: Path,
  parent: TableNode | null,
  resolution: Resolution,
): TableNode | null {
  const table = resolution.table(declaration.table, [...path, 'table'])
  if (table === null) {
    lookAtChildren(declaration, path, resolution)
    return null
  }
  refuseSecondUse(table, path, resolution)
  const link = parent === null ? null : resolveParent(declaration, table, parent, path, resolution)
  const parentColumns = link?.columns ?? []
  const key = resolveKey(declaration, table, parentColumns, path, resolution)
  const omitted = resolveOmitted(declaration, table, [...key, ...parentColumns], path, resolution)
  const node: TableNode = {
    name: printTable(table),
    as: declaration.as ?? table.name,
    table,
    key,
    columns: [],
    internal: internalColumns(declaration, table, key, parentColumns),
    omitted,
    references: [],
    parent: link,
    order: resolveOrder(declaration, table, path, resolution),
    children: [],
  }
  node.columns = artifactColumns(node, parentColumns)
  checkColumns(node, path, resolution)
  resolution.nodes.push({ node, declaration, path })
  node.children = resolveChildren(declaration, node, path, resolution)
  return node
}

/** Below a table that isn't there, the tables at least can be looked up, so that all missing ones show at once. */
function lookAtChildren(declaration: TableDeclaration, path: Path, resolution: Resolution): void {
  for (const [i, child] of (declaration.children ?? []).entries()) {
    resolution.table(child.table, [...path, 'children', i, 'table'])
    lookAtChildren(child, [...path, 'children', i], resolution)
  }
}

/** Two places would both capture and both restore the same rows. */
function refuseSecondUse(table: Table, path: Path, resolution: Resolution): void {
  if (resolution.nodeOf(table) !== null) {
    resolution.note(
      [...path, 'table'],
      `"${printTable(table)}" is in this dataset already; a table has one place`,
    )
  }
}

function resolveOmitted(
  declaration: TableDeclaration,
  table: Table,
  needed: Column[],
  path: Path,
  resolution: Resolution,
): Column[] {
  return (declaration.omit ?? []).flatMap((name, i) => {
    const here = [...path, 'omit', i]
    const column = resolution.column(table, name, here)
    if (column === null || column.generated) return []
    if (needed.includes(column))
      resolution.note(here, `"${name}" is part of the key or points at the parent; it can't be left out`)
    else if (!fillsItself(column)) {
      resolution.note(
        here,
        `"${name}" is NOT NULL and has no default, so a row without it could not be created again`,
      )
    }
    return [column]
  })
}

/** What the primary key has beyond the stable key: found again or made anew at a restore, unless a reference gives it. */
function internalColumns(
  declaration: TableDeclaration,
  table: Table,
  key: Column[],
  parentColumns: Column[],
): Column[] {
  const primary = table.columns.filter((column) => table.primaryKey.includes(column.name))
  return primary.filter(
    (column) =>
      !key.includes(column) &&
      !parentColumns.includes(column) &&
      !Object.hasOwn(declaration.references ?? {}, column.name),
  )
}

function artifactColumns(node: TableNode, parentColumns: Column[]): Column[] {
  const left = new Set([...node.omitted, ...node.internal, ...parentColumns])
  return node.table.columns.filter((column) => !column.generated && !left.has(column))
}

function checkColumns(node: TableNode, path: Path, resolution: Resolution): void {
  for (const column of [...node.columns, ...node.internal]) {
    if (column.name === '__proto__')
      resolution.note(path, 'column "__proto__" can\'t be a field of an artifact; `omit` it')
    if (column.name.startsWith('holdfast:'))
      resolution.note(
        path,
        `column "${column.name}" has a name that Holdfast needs itself; rename it, or \`omit\` it`,
      )
    if (column.refusal !== null) {
      const mend = fillsItself(column)
        ? 'leave the column out with `omit`'
        : "the column can't be left out either, as it is NOT NULL without a default"
      resolution.note(
        path,
        `column "${column.name}" of "${node.name}", type ${column.type}: ${column.refusal}; ${mend}`,
      )
    }
  }
  for (const column of node.internal.filter(
    (internal) => internal.default === null && internal.identity === null,
  )) {
    resolution.note(
      [...path, 'key'],
      `"${column.name}" of the primary key is not part of \`key\` and has no default, so a row could not be created again; add it to \`key\`, declare it under \`references\`, or leave \`key\` out`,
    )
  }
}

function resolveOrder(
  declaration: TableDeclaration,
  table: Table,
  path: Path,
  resolution: Resolution,
): Column | null {
  if (declaration.order === undefined) return null
  const column = resolution.column(table, declaration.order, [...path, 'order'])
  if (column !== null && column.comparison !== 'built-in') {
    resolution.note(
      [...path, 'order'],
      `"${column.name}" is of type ${column.type}, which has no order, or one of its own`,
    )
  }
  return column
}

function resolveChildren(
  declaration: TableDeclaration,
  node: TableNode,
  path: Path,
  resolution: Resolution,
): TableNode[] {
  const taken = new Set(node.columns.map((column) => column.name))
  return (declaration.children ?? []).flatMap((child, i) => {
    const here = [...path, 'children', i]
    const resolved = resolveTable(child, here, node, resolution)
    if (resolved === null) return []
    if (taken.has(resolved.as)) {
      const place = child.as === undefined ? [...here, 'table'] : [...here, 'as']
      resolution.note(
        place,
        `"${resolved.as}" is the name of another field of "${node.name}"; give these rows another name with \`as\``,
      )
    }
    taken.add(resolved.as)
    return [resolved]
  })
}
