import { cronProblem } from '../schedules/occurrences.ts'
import type { Catalog } from '../source/catalog.ts'
import type { Dataset, Declaration, RootNode, TableNode } from './definition.ts'
import { secretPaths, type Policies } from './policies.ts'
import { printPath, type DatasetProblem, type Path } from './problem-list.ts'
import { resolveNotes } from './resolve-notes.ts'
import { resolveFiles, resolveParties, resolveStats } from './resolve-policies.ts'
import { checkComparisons } from './check-comparisons.ts'
import { checkPointers, resolveReferences } from './resolve-references.ts'
import { resolveRoot } from './resolve-root.ts'
import { isTimeZone } from './calendar.ts'
import { Resolution } from './resolution.ts'

export interface ResolveOptions {
  /** The file's name, for problems and the dataset. */
  file: string
  lineOf: (path: Path) => number
  /** The time zone of datasets that declare none. */
  timezone: string
}

export type Resolved = { dataset: Dataset; problems: null } | { dataset: null; problems: DatasetProblem[] }

/**
 * Resolves a declaration against a source's catalog: every table and column it names, and whether what it asks of
 * them can be kept.
 * @param declaration of the right shape, as `readDatasetFile` gives it
 * @returns the dataset, or all problems with their lines
 */
export function resolveDataset(
  declaration: Declaration,
  catalog: Catalog,
  options: ResolveOptions,
): Resolved {
  const problems: DatasetProblem[] = []
  const resolution = new Resolution(catalog, (path, detail) => {
    problems.push({ file: options.file, line: options.lineOf(path), path: printPath(path), detail })
  })
  checkDatabase(resolution)
  const timezone = declaration.timezone ?? options.timezone
  if (!isTimeZone(timezone))
    resolution.note(['timezone'], `"${timezone}" is not a time zone such as Europe/Paris`)
  checkCrons(declaration, resolution)
  const root = resolveRoot(declaration.records, resolution)
  const dataset = root === null ? null : assemble(declaration, root, timezone, resolution, options)
  if (dataset === null || problems.length > 0) {
    return { dataset: null, problems: problems.sort((a, b) => a.line - b.line) }
  }
  return { dataset, problems: null }
}

/** Bytes that are no UTF-8 would come back as something else, and text would sort differently here and there. */
function checkDatabase({ catalog, note }: Resolution): void {
  if (catalog.encoding !== 'UTF8') {
    note(['source'], `the database's encoding is ${catalog.encoding}; only UTF8 comes back exactly`)
  }
}

/** The shape of a cron says little of whether it means anything. */
function checkCrons({ backup, retention }: Declaration, { note }: Resolution): void {
  const declared: [Path, string | undefined][] = [
    [['backup', 'schedule'], backup?.schedule],
    [['retention', 'records', 'schedule'], retention?.records?.schedule],
  ]
  for (const [path, cron] of declared) {
    const problem = cron === undefined ? null : cronProblem(cron)
    if (problem !== null) note(path, `"${cron}" is no cron: ${problem}`)
  }
}

function assemble(
  declaration: Declaration,
  root: RootNode,
  timezone: string,
  resolution: Resolution,
  options: ResolveOptions,
): Dataset {
  resolveReferences(resolution)
  checkPointers(resolution)
  checkComparisons(resolution)
  const nodes = nodesByPath(root)
  return {
    name: declaration.dataset,
    title: declaration.title ?? declaration.dataset,
    description: declaration.description ?? '',
    source: declaration.source ?? 'app',
    root,
    declaration: withoutSecrets(declaration),
    policies: policiesOf(declaration),
    stats: resolveStats(declaration.stats ?? {}, nodes, resolution),
    files: declaration.files === undefined ? null : resolveFiles(declaration.files, nodes, resolution),
    parties:
      declaration.parties === undefined ? null : resolveParties(declaration.parties, nodes, resolution),
    notes: resolveNotes(declaration, root, resolution),
    timezone,
    file: options.file,
  }
}

/** The tables by the path that policies name them with: `records`, `documents`, `documents.pages`. */
function nodesByPath(root: RootNode): Map<string, TableNode> {
  const nodes = new Map<string, TableNode>([['records', root]])
  const descend = (node: TableNode, prefix: string) => {
    for (const child of node.children) {
      nodes.set(prefix + child.as, child)
      descend(child, `${prefix}${child.as}.`)
    }
  }
  descend(root, '')
  return nodes
}

function withoutSecrets(declaration: Declaration): Declaration {
  const copy = structuredClone(declaration)
  for (const path of secretPaths) {
    const parts = path.split('.')
    const last = parts.pop()!
    const holder = parts.reduce<Record<string, unknown> | undefined>(
      (value, part) => value?.[part] as Record<string, unknown> | undefined,
      copy as unknown as Record<string, unknown>,
    )
    delete holder?.[last]
  }
  return copy
}

function policiesOf(declaration: Declaration): Policies {
  const {
    dataset: _,
    title: _t,
    description: _d,
    source: _s,
    timezone: _z,
    records: _r,
    ...policies
  } = declaration
  return policies
}
