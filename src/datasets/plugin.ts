import { resolve } from 'node:path'
import type { FastifyInstance } from 'fastify'
import plugin from 'fastify-plugin'
import { openSource, type SourcePool } from '../source/connect.ts'
import { sourceProblems } from '../source/errors.ts'
import { fingerprint } from '../source/fingerprint.ts'
import { readCatalog } from '../source/read-catalog.ts'
import type { Dataset, TableNode } from './definition.ts'
import { datasetProblems, invalidDataset } from './errors.ts'
import { datasetFiles, loadDatasets, type InvalidDataset, type LoadedDatasets } from './load.ts'
import type { DatasetProblem } from './problem-list.ts'
import { watchDatasets, type Watching } from './watch.ts'

/** A dataset as lists show it, whether it can be used or not. */
export interface ListedDataset {
  name: string
  title: string
  file: string
  /** Empty when it can be used. */
  problems: DatasetProblem[]
}

export interface Datasets {
  /** @throws Problem DATASET_UNKNOWN; DATASET_INVALID with all that is wrong; SOURCE_… when its source can't be read */
  get(name: string): Dataset
  /**
   * The same, but sure to fit the source's tables as they are now: after a change of the schema it is resolved anew, so
   * that a column that was added is never left out of a snapshot. For whatever reads or writes records.
   */
  current(name: string): Promise<Dataset>
  /** All of them, by name. */
  list(): ListedDataset[]
  /** The connections to a dataset's source. */
  source(dataset: Pick<Dataset, 'source'>): SourcePool
  /** The sources of the configuration, by name. */
  sources: ReadonlyMap<string, SourcePool>
  /** Reads all files again; work under way keeps what it has. */
  reload(): Promise<void>
}

declare module 'fastify' {
  interface FastifyInstance {
    datasets: Datasets
  }
}

/** How soon a source that could not be read is asked again, and one that a dataset does not fit. */
const unreachableRetryMs = 5000
const invalidRetryMs = 30_000

/** Loads the dataset files, keeps them loaded as they change, and opens the sources. */
export default plugin(
  async (app: FastifyInstance) => {
    const { config } = app
    const directory = config.datasetsDirectory ?? resolve('datasets')
    const sources = new Map(
      Object.entries(config.sources).map(([name, url]) => [name, openSource(name, url, { max: 40 })]),
    )
    let loaded: LoadedDatasets = { valid: new Map(), invalid: new Map() }
    let reloading = Promise.resolve()
    let logged = '[]'
    let fingerprints = new Map<Dataset, string>()

    const load = async () => {
      const files = await datasetFiles(directory)
      const { environment, timezone } = config
      loaded = await loadDatasets(files, {
        environment,
        timezone,
        catalogOf: (name) => findSource(sources, name).withConnection(readCatalog),
      })
      fingerprints = await fingerprintsOf(sources, loaded)
      const found = JSON.stringify([...loaded.invalid.values()].map(({ problems }) => problems))
      if (found !== logged) logProblems(app, loaded)
      logged = found
    }
    const reload = () => (reloading = reloading.then(load, load))
    const get = (name: string) => loaded.valid.get(name) ?? refuse(name, loaded.invalid.get(name))
    const current = async (name: string): Promise<Dataset> => {
      const dataset = get(name)
      const now = await fingerprintOf(findSource(sources, dataset.source), dataset)
      if (fingerprints.get(dataset) === now) return dataset
      await reload()
      return get(name)
    }

    app.addProblems(datasetProblems)
    app.addProblems(sourceProblems)
    app.decorate('datasets', {
      get,
      current,
      list: () => list(loaded),
      source: ({ source }) => findSource(sources, source),
      sources,
      reload,
    })
    await reload()
    keepLoaded(app, directory, () => loaded, reload)
    app.addHook('onClose', async () => {
      await reloading.catch(() => undefined)
      await Promise.all([...sources.values()].map((source) => source.end()))
    })
  },
  { name: 'datasets', dependencies: ['problem-answers'] },
)

async function fingerprintsOf(
  sources: ReadonlyMap<string, SourcePool>,
  { valid }: LoadedDatasets,
): Promise<Map<Dataset, string>> {
  const fingerprints = new Map<Dataset, string>()
  for (const dataset of valid.values())
    fingerprints.set(dataset, await fingerprintOf(findSource(sources, dataset.source), dataset))
  return fingerprints
}

function fingerprintOf(source: SourcePool, dataset: Dataset): Promise<string> {
  const tables = (node: TableNode): number[] => [
    node.table.oid,
    ...node.references.map(({ table }) => table.oid),
    ...node.children.flatMap(tables),
  ]
  return source.withConnection((client) => fingerprint(client, tables(dataset.root)))
}

function findSource(sources: ReadonlyMap<string, SourcePool>, name: string): SourcePool {
  const source = sources.get(name)
  if (source !== undefined) return source
  throw sourceProblems.SOURCE_UNREACHABLE(
    `source "${name}" is not configured: set HOLDFAST_SOURCE_${name.toUpperCase()}_URL`,
  )
}

function refuse(name: string, invalid: InvalidDataset | undefined): never {
  if (invalid === undefined) throw datasetProblems.DATASET_UNKNOWN(`There is no dataset "${name}".`)
  throw invalid.sourceProblem ?? invalidDataset(name, invalid.problems)
}

function list({ valid, invalid }: LoadedDatasets): ListedDataset[] {
  const all = [
    ...[...valid.values()].map(({ name, title, file }) => ({ name, title, file, problems: [] })),
    ...[...invalid.values()].map(({ name, title, file, problems }) => ({ name, title, file, problems })),
  ]
  return all.sort((a, b) => (a.name < b.name ? -1 : 1))
}

function logProblems({ log }: FastifyInstance, { invalid }: LoadedDatasets): void {
  for (const { name, file, problems } of invalid.values())
    log.warn({ dataset: name, file, problems }, 'a dataset file has problems')
}

/**
 * Reloads when a file changes; and while a dataset can't be used, now and then, since what is wrong with it may be mended
 * in the source.
 */
function keepLoaded(
  app: FastifyInstance,
  directory: string,
  loaded: () => LoadedDatasets,
  reload: () => Promise<void>,
): void {
  const attempt = () => {
    reload().catch((error: unknown) => app.log.error({ err: error }, 'dataset files could not be read'))
  }
  const timers: NodeJS.Timeout[] = []
  const retry = (ms: number, isWorthIt: (dataset: InvalidDataset) => boolean) =>
    timers.push(
      setInterval(() => void ([...loaded().invalid.values()].some(isWorthIt) && attempt()), ms).unref(),
    )
  let watching: Watching | null = null
  app.addHook('onReady', async () => {
    watching = await watchDatasets(directory, attempt)
    retry(unreachableRetryMs, ({ sourceProblem }) => sourceProblem !== null)
    retry(invalidRetryMs, () => true)
  })
  app.addHook('preClose', async () => {
    watching?.close()
    for (const timer of timers) clearInterval(timer)
  })
}
