import type { Catalog, Table } from '../source/catalog.ts'
import type { Declaration, TableDeclaration } from './definition.ts'
import { datasetProblems } from './errors.ts'
import { draftRecords, type Draft } from './draft-tables.ts'
import { printDraft } from './draft-yaml.ts'
import { nearest, type Path } from './problem-list.ts'
import { Resolution } from './resolution.ts'
import { resolveDataset } from './resolve.ts'

export interface Proposal {
  /** The dataset's name in the draft. */
  name: string
  /** A dataset file that loads as it is; comments say what was guessed. */
  yaml: string
}

export interface ProposeOptions {
  /** The source's name. */
  source: string
  /** Names that other datasets have. */
  taken?: Iterable<string>
}

/**
 * Drafts a dataset file from a table: its foreign keys say which rows belong to its records and which belong to others.
 * @param name `schema.table`
 * @throws Problem TABLE_NOT_PROPOSABLE with the reason and the mend
 */
export function proposeDataset(catalog: Catalog, name: string, options: ProposeOptions): Proposal {
  const table = tableOf(catalog, name)
  const draft = draftRecords(catalog, table)
  const dataset = nameOf(table, new Set(options.taken ?? []))
  const declaration = { dataset, source: options.source, records: draft.declaration }
  settle(declaration, draft, catalog)
  return { name: dataset, yaml: printDraft(declaration, draft) }
}

function tableOf(catalog: Catalog, name: string): Table {
  let reason = ''
  const table = new Resolution(catalog, (_, detail) => (reason = detail)).table(name, [])
  if (table !== null) return table
  const alike = nearest(name, catalog.tables.keys())
  throw datasetProblems.TABLE_NOT_PROPOSABLE(reason, { extensions: { tables: alike } })
}

/**
 * Resolves the draft as a file would be and takes out what can't stay, until nothing is left to mend: the same rules
 * that judge a file judge the draft.
 */
function settle(declaration: Declaration, draft: Draft, catalog: Catalog): void {
  for (;;) {
    const paths: Path[] = []
    const { problems } = resolveDataset(declaration, catalog, {
      file: 'draft',
      timezone: 'UTC',
      // A draft has no lines yet: problems are numbered instead, and so stay in the order of their paths.
      lineOf: (path) => paths.push(path),
    })
    if (problems === null) return
    takeOut(declaration, draft, paths[0]!, problems[0]!.detail)
  }
}

/** The innermost part that the draft can do without: a reference, a guess, or a child table. */
function takeOut(declaration: Declaration, draft: Draft, path: Path, detail: string): void {
  const references = path.lastIndexOf('references')
  const children = path.lastIndexOf('children')
  if (references > children && path[references + 1] !== undefined) {
    const holder = at(declaration, path.slice(0, references))
    const column = String(path[references + 1])
    delete holder.references![column]
    draft.remark(holder, `"${column}" points at another table, but could not be declared: ${detail}`)
    return
  }
  if (children >= 0) {
    const holder = at(declaration, path.slice(0, children))
    const [gone] = holder.children!.splice(Number(path[children + 1]), 1)
    draft.remark(holder, `${gone!.table} points here too, but was left out: ${detail}`)
    return
  }
  throw datasetProblems.TABLE_NOT_PROPOSABLE(detail)
}

function at(declaration: Declaration, path: Path): TableDeclaration {
  return path.reduce<unknown>(
    (value, part) => (value as Record<string, unknown>)[part],
    declaration,
  ) as TableDeclaration
}

/** A dataset's name out of a table's: `my_schema.Order Lines` gives `order-lines`. */
function nameOf(table: Table, taken: ReadonlySet<string>): string {
  const base = slug(table.name) || 'records'
  const candidates = [base, slug(`${table.schema}-${table.name}`) || base]
  for (let n = 2; ; n++) {
    const free = candidates.find((candidate) => !taken.has(candidate))
    if (free !== undefined) return free
    candidates.push(`${base}-${n}`)
  }
}

function slug(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 55)
}
