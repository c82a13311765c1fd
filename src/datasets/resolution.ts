import type { Catalog, Column, Table, TableName } from '../source/catalog.ts'
import type { TableDeclaration, TableNode } from './definition.ts'
import { didYouMean, type Note, type Path } from './problem-list.ts'

/** A table of the dataset with where and how it was declared. */
export interface DeclaredNode {
  node: TableNode
  declaration: TableDeclaration
  path: Path
}

/** One run of `resolveDataset`: the catalog, the problems so far, the tables found so far. */
export class Resolution {
  readonly catalog: Catalog
  readonly note: Note
  readonly nodes: DeclaredNode[] = []

  constructor(catalog: Catalog, note: Note) {
    this.catalog = catalog
    this.note = note
  }

  /** The table's node in this dataset, if it is one of its tables. */
  nodeOf(table: TableName): TableNode | null {
    return this.nodes.find(({ node }) => sameTable(node.table, table))?.node ?? null
  }

  /** Finds a table that can be captured and restored, or notes why it can't. */
  table(name: string, path: Path): Table | null {
    const table = this.catalog.tables.get(name)
    const reason = table === undefined ? this.reasonForAbsence(name) : reasonAgainst(table)
    if (reason !== null) this.note(path, `"${name}" ${reason}`)
    return reason === null ? table! : null
  }

  private reasonForAbsence(name: string): string {
    if (/^(pg_catalog|information_schema|pg_toast\w*|pg_temp\w*)\./.test(name)) {
      return "is a system table; only the application's own tables can be declared"
    }
    const other = this.catalog.others.get(name)
    if (other !== undefined)
      return `is a ${other}; rows are restored into tables, so name the table behind it`
    const names = [...this.catalog.tables.keys()]
    if (!name.includes('.'))
      return `must be written as schema.table${didYouMean(`public.${name}`, sameName(name, names))}`
    return `is not a table of the source, or its role may not see it${didYouMean(name, names)}`
  }

  /** Finds a column, or notes that there is none. */
  column(table: Table, name: string, path: Path): Column | null {
    const column = table.columns.find((candidate) => candidate.name === name)
    if (column !== undefined) return column
    const names = table.columns.map((candidate) => candidate.name)
    this.note(path, `"${printTable(table)}" has no column "${name}"${didYouMean(name, names)}`)
    return null
  }

  /** Finds columns named once or as a list, each missing one noted at its own place. */
  columns(table: Table, names: string | string[], path: Path): Column[] | null {
    const found = [names]
      .flat()
      .map((name, i) => this.column(table, name, Array.isArray(names) ? [...path, i] : path))
    return found.every((column) => column !== null) ? found : null
  }
}

function sameName(name: string, names: string[]): string[] {
  const same = names.filter((candidate) => candidate.endsWith(`.${name}`))
  return same.length > 0 ? same.map((candidate) => candidate) : names
}

function reasonAgainst(table: Table): string | null {
  if (table.partition) return 'is a partition; name its partitioned table, which holds the same rows'
  if (table.inherited) {
    return 'has tables that inherit from it (INHERITS), whose rows could not be told from its own; partition it instead'
  }
  if (table.rowSecurity) {
    return "has row-level security that hides rows from the source's role; give the role BYPASSRLS, or make it the owner"
  }
  return null
}

export function printTable(table: TableName): string {
  return `${table.schema}.${table.name}`
}

export function sameTable(a: TableName, b: TableName): boolean {
  return a.schema === b.schema && a.name === b.name
}

/** `"a"`, or `("a", "b")`. */
export function printColumns(columns: readonly (Column | string)[]): string {
  const names = columns.map((column) => `"${typeof column === 'string' ? column : column.name}"`)
  return names.length === 1 ? names[0]! : `(${names.join(', ')})`
}

/** True when both name the same columns, in whatever order. */
export function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name) => b.includes(name))
}

/** True when a row can be created without giving this column a value. */
export function fillsItself(column: Column): boolean {
  return !column.notNull || column.default !== null || column.identity !== null || column.generated
}
