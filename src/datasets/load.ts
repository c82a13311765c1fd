import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Problem } from '../platform/errors.ts'
import type { Catalog } from '../source/catalog.ts'
import type { Dataset } from './definition.ts'
import type { DatasetProblem } from './problem-list.ts'
import { readDatasetFile, type DatasetFile } from './read-file.ts'
import { resolveDataset } from './resolve.ts'
import type { Environment } from './substitute.ts'

export interface LoadOptions {
  /** For `${NAME}` in the files. */
  environment: Environment
  /** The time zone of datasets that declare none. */
  timezone: string
  /** Reads a source's catalog. @throws Problem SOURCE_… when it can't */
  catalogOf: (source: string) => Promise<Catalog>
}

/** A dataset that can't be used, and why. */
export interface InvalidDataset {
  name: string
  file: string
  title: string
  problems: DatasetProblem[]
  /** Set when nothing is wrong with the file, but its source could not be read. */
  sourceProblem: Problem | null
}

/** The outcome of one load: what can be used and what can't, each by name. */
export interface LoadedDatasets {
  valid: ReadonlyMap<string, Dataset>
  invalid: ReadonlyMap<string, InvalidDataset>
}

/** Dataset files (`*.yaml`, `*.yml`) in a folder and its direct subfolders, sorted. None when there is no folder. */
export async function datasetFiles(directory: string): Promise<string[]> {
  const below = (await entriesOf(directory)).filter(
    (entry) => entry.isDirectory() && !entry.name.startsWith('.'),
  )
  const folders = [directory, ...below.map((entry) => join(directory, entry.name))]
  const files = await Promise.all(
    folders.map(async (folder) =>
      (await entriesOf(folder))
        .filter((entry) => !entry.isDirectory() && /^[^.].*\.ya?ml$/.test(entry.name))
        .map((entry) => join(folder, entry.name)),
    ),
  )
  return files.flat().sort()
}

async function entriesOf(directory: string) {
  try {
    return await readdir(directory, { withFileTypes: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/**
 * Reads and resolves dataset files. What is wrong with one never keeps another from loading.
 * @param files their paths
 */
export async function loadDatasets(files: readonly string[], options: LoadOptions): Promise<LoadedDatasets> {
  const catalogOf = onceEach(options.catalogOf)
  const valid = new Map<string, Dataset>()
  const invalid = new Map<string, InvalidDataset>()
  const owners = new Map<string, string>()
  for (const path of files) {
    const file = await readDatasetFile(path, options.environment)
    const outcome = owners.has(file.name)
      ? nameTaken(file, owners.get(file.name)!)
      : await loadOne(file, catalogOf, options)
    if ('problems' in outcome) invalid.set(outcome.name, outcome)
    else valid.set(outcome.name, outcome)
    if (!owners.has(file.name)) owners.set(file.name, file.file)
  }
  return { valid, invalid }
}

function onceEach(read: LoadOptions['catalogOf']): LoadOptions['catalogOf'] {
  const reads = new Map<string, Promise<Catalog>>()
  return (source) => {
    const started = reads.get(source) ?? read(source)
    reads.set(source, started)
    return started
  }
}

/** The second of two files with one name is listed under the file's own, as both must show. */
function nameTaken(file: DatasetFile, owner: string): InvalidDataset {
  const detail = `the name "${file.name}" is taken by ${owner}`
  const problem = { file: file.file, line: file.lineOf(['dataset']), path: 'dataset', detail }
  return { ...invalidFrom(file, [problem, ...file.problems]), name: `${file.name} (${file.file})` }
}

async function loadOne(
  file: DatasetFile,
  catalogOf: LoadOptions['catalogOf'],
  options: LoadOptions,
): Promise<Dataset | InvalidDataset> {
  if (file.declaration === null) return invalidFrom(file, file.problems)
  let catalog: Catalog
  try {
    catalog = await catalogOf(file.declaration.source ?? 'app')
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return sourceUnreadable(file, error)
  }
  const { file: name, lineOf } = file
  const { dataset, problems } = resolveDataset(file.declaration, catalog, {
    file: name,
    lineOf,
    timezone: options.timezone,
  })
  return dataset ?? invalidFrom(file, problems)
}

function sourceUnreadable(file: DatasetFile, sourceProblem: Problem): InvalidDataset {
  const problem = {
    file: file.file,
    line: file.lineOf(['source']),
    path: 'source',
    detail: sourceProblem.message,
  }
  return { ...invalidFrom(file, [problem]), sourceProblem }
}

function invalidFrom(file: DatasetFile, problems: DatasetProblem[]): InvalidDataset {
  return {
    name: file.name,
    file: file.file,
    title: file.declaration?.title ?? file.name,
    problems,
    sourceProblem: null,
  }
}
