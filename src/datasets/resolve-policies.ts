import type { Column } from '../source/catalog.ts'
import type { Files, Parties, Stat, StatCondition, TableNode } from './definition.ts'
import { partyActions, type Policies, type StatDeclaration } from './policies.ts'
import { didYouMean, type Path } from './problem-list.ts'
import type { Resolution } from './resolution.ts'
import { isText } from './text-columns.ts'

type Nodes = ReadonlyMap<string, TableNode>
type Where = NonNullable<StatDeclaration['where']>

/** Resolves the named figures: their tables, columns and conditions. */
export function resolveStats(
  declared: NonNullable<Policies['stats']>,
  nodes: Nodes,
  resolution: Resolution,
): Stat[] {
  return Object.entries(declared).flatMap(([name, declaration]) => {
    const stat = resolveStat(name, declaration, nodes, ['stats', name], resolution)
    return stat === null ? [] : [stat]
  })
}

function resolveStat(
  name: string,
  declaration: StatDeclaration,
  nodes: Nodes,
  path: Path,
  resolution: Resolution,
): Stat | null {
  const { count, sum } = declaration
  if ((count === undefined) === (sum === undefined)) {
    resolution.note(path, 'needs exactly one of `count` and `sum`')
    return null
  }
  const target =
    count === undefined ? summed(sum!, nodes, path, resolution) : counted(count, nodes, path, resolution)
  if (target === null) return null
  const { node, column } = target
  const where = Object.entries(declaration.where ?? {}).map(([name, condition]) =>
    resolveCondition(node, name, condition, [...path, 'where', name], resolution),
  )
  const by =
    declaration.by === undefined ? null : resolution.column(node.table, declaration.by, [...path, 'by'])
  if (where.includes(null)) return null
  return {
    name,
    kind: count === undefined ? 'sum' : 'count',
    node,
    column,
    where: where as StatCondition[],
    by,
  }
}

function counted(path: string, nodes: Nodes, at: Path, resolution: Resolution) {
  const node = nodeAt(path, nodes, [...at, 'count'], resolution)
  return node === null ? null : { node, column: null }
}

const numbers = ['int2', 'int4', 'int8', 'numeric', 'float4', 'float8']

function summed(path: string, nodes: Nodes, at: Path, resolution: Resolution) {
  const dot = path.lastIndexOf('.')
  const here = [...at, 'sum']
  if (dot < 1) {
    resolution.note(here, 'must be a table and a column, such as `documents.size` or `records.size`')
    return null
  }
  const node = nodeAt(path.slice(0, dot), nodes, here, resolution)
  const column = node === null ? null : resolution.column(node.table, path.slice(dot + 1), here)
  if (node === null || column === null) return null
  if (!numbers.includes(column.baseType))
    resolution.note(here, `"${column.name}" is of type ${column.type}, which can't be added up`)
  return { node, column }
}

function nodeAt(path: string, nodes: Nodes, at: Path, { note }: Resolution): TableNode | null {
  const node = nodes.get(path)
  if (node !== undefined) return node
  note(
    at,
    `"${path}" is no table of this dataset${didYouMean(path, nodes.keys())}; there are ${[...nodes.keys()].join(', ')}`,
  )
  return null
}

/** Types whose text says whether two values are equal. */
const comparable = new Set(['text', 'varchar', 'name', 'bool', 'int2', 'int4', 'int8', 'uuid', 'date'])

function resolveCondition(
  node: TableNode,
  name: string,
  condition: Where[string],
  path: Path,
  resolution: Resolution,
): StatCondition | null {
  const column = resolution.column(node.table, name, path)
  if (column === null) return null
  if (typeof condition === 'object' && condition.set !== undefined) return { column, is: condition.set }
  const values = typeof condition === 'object' ? (condition.in ?? [condition.equals!]) : [condition]
  if (!comparable.has(column.baseType) && !isEnum(column)) {
    resolution.note(
      path,
      `"${name}" is of type ${column.type}, which can't be compared here; only \`set\` can be asked of it`,
    )
  }
  return { column, is: values.map(String) }
}

/** A user's own type that prints as it is and sorts as text: an enum or a range of it, told by its text. */
function isEnum(column: Column): boolean {
  return column.encoding === 'native' && column.baseType.includes('.')
}

/** Resolves `files`: the table, its columns, and the values that the folder's name is made of. */
export function resolveFiles(
  declared: NonNullable<Policies['files']>,
  nodes: Nodes,
  resolution: Resolution,
): Files | null {
  const node = nodeAt(declared.table ?? 'records', nodes, ['files', 'table'], resolution)
  if (node === null) return null
  const column = (field: 'key' | 'name' | 'size' | 'sha256') => {
    const name = declared[field]
    return name === undefined ? null : resolution.column(node.table, name, ['files', field])
  }
  const [key, name, size, sha256] = [column('key'), column('name'), column('size'), column('sha256')]
  const folder = resolveFolder(declared.folder ?? '', node, nodes.get('records')!, resolution)
  if (size !== null && !['int2', 'int4', 'int8', 'numeric'].includes(size.baseType)) {
    resolution.note(
      ['files', 'size'],
      `"${size.name}" is of type ${size.type}; a size in bytes is a whole number`,
    )
  }
  if (key === null) return null
  return {
    store: declared.store,
    node,
    key,
    name,
    size,
    sha256,
    folder,
    cleanupAfter: declared.cleanupAfter ?? null,
  }
}

function resolveFolder(
  pattern: string,
  row: TableNode,
  record: TableNode,
  resolution: Resolution,
): Files['folder'] {
  return pattern.split(/(\{[^{}]*\})/).flatMap((part): Files['folder'] => {
    if (!part.startsWith('{')) return part === '' ? [] : [part]
    const name = part.slice(1, -1)
    const of = name.startsWith('record.') ? 'record' : 'row'
    const node = of === 'record' ? record : row
    const column = resolution.column(node.table, name.replace(/^record\./, ''), ['files', 'folder'])
    return column === null ? [] : [{ of, column }]
  })
}

/** Resolves `parties`: where people are named and what their roles may. */
export function resolveParties(
  declared: NonNullable<Policies['parties']>,
  nodes: Nodes,
  resolution: Resolution,
): Parties | null {
  const node = nodeAt(declared.table, nodes, ['parties', 'table'], resolution)
  if (node === null) return null
  const email = resolution.column(node.table, declared.email, ['parties', 'email'])
  const role = resolution.column(node.table, declared.role, ['parties', 'role'])
  if (email === null || role === null) return null
  if (!isText(email)) {
    resolution.note(
      ['parties', 'email'],
      `"${email.name}" is of type ${email.type}; an email address is text`,
    )
  }
  const { permissions } = declared
  const rolesFor = (action: (typeof partyActions)[number]) =>
    permissions[action] ?? (action === 'download' ? permissions.view : undefined) ?? []
  return {
    node,
    email,
    role,
    permissions: Object.fromEntries(
      partyActions.map((action) => [action, rolesFor(action)]),
    ) as Parties['permissions'],
  }
}
