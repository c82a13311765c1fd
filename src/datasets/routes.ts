import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import plugin from 'fastify-plugin'
import Type from 'typebox'
import { sourceProblems } from '../source/errors.ts'
import { readCatalog } from '../source/read-catalog.ts'
import { browseRecords } from './browse-records.ts'
import { datasetProblems } from './errors.ts'
import { openDatasets } from './open-datasets.ts'
import pages from './pages.ts'
import { partyCondition } from './parties.ts'
import { presentDataset, presentSummary } from './present-dataset.ts'
import { proposeDataset } from './propose.ts'
import { publishedSchema } from './schema.ts'
import {
  DatasetBody,
  DatasetList,
  DatasetParams,
  DatasetSummary,
  ProposalAnswer,
  ProposalBody,
  RecordList,
  RecordsQuery,
} from './schemas.ts'
import { ScopeSchema } from './scope.ts'
import type { ReadFreshness, ReadVerdicts } from './standing.ts'

const nothingKnown: ReadFreshness = () => Promise.resolve(new Map())

const routes: FastifyPluginAsyncTypebox = async (app) => {
  let readFreshness = nothingKnown
  let readVerdicts: ReadVerdicts = () => Promise.resolve([])
  app.decorate('tellFreshness', (read: ReadFreshness) => void (readFreshness = read))
  app.decorate('tellVerdicts', (read: ReadVerdicts) => void (readVerdicts = read))
  if (app.getSchema('Scope') === undefined) app.addSchema(ScopeSchema)
  await app.register(pages, {
    readFreshness: () => readFreshness(),
    readVerdicts: (...asked) => readVerdicts(...asked),
  })
  app.addSchema(DatasetSummary)
  app.addSchema(DatasetBody)

  app.get(
    '/api/datasets',
    {
      config: { permission: 'datasets:list' },
      schema: {
        operationId: 'listDatasets',
        tags: ['datasets'],
        description: 'All datasets, those with problems too. A member finds those whose records name people.',
        response: { 200: DatasetList },
      },
    },
    async ({ actor }) => {
      const freshness = await readFreshness()
      const items = openDatasets(app.datasets, actor).map((listed) =>
        presentSummary(listed, freshness.get(listed.name) ?? null),
      )
      return { items, nextCursor: null }
    },
  )

  app.get(
    '/api/datasets/:dataset',
    {
      config: { permission: 'datasets:view' },
      schema: {
        operationId: 'getDataset',
        tags: ['datasets'],
        params: DatasetParams,
        response: { 200: Type.Ref('Dataset') },
      },
    },
    async ({ params: { dataset: name } }) => {
      const listed = app.datasets.list().find((one) => one.name === name)
      if (listed === undefined) throw datasetProblems.DATASET_UNKNOWN(`There is no dataset "${name}".`)
      const dataset = listed.problems.length === 0 ? app.datasets.get(name) : null
      const source = dataset === null ? null : app.datasets.source(dataset)
      return presentDataset(listed, dataset, source, (await readFreshness()).get(name) ?? null)
    },
  )

  app.get(
    '/api/datasets/:dataset/records',
    {
      config: { permission: 'records:list' },
      schema: {
        operationId: 'listRecords',
        tags: ['datasets'],
        description: 'Newest first where the dataset has `dates`, else by key, highest first.',
        params: DatasetParams,
        querystring: RecordsQuery,
        response: { 200: RecordList },
      },
    },
    async ({ actor, params, query: { cursor, limit = 50, ...filter } }) => {
      const dataset = app.datasets.get(params.dataset)
      const granted = partyCondition(actor, dataset, 'list')
      return browseRecords(app.datasets.source(dataset), dataset, filter, granted, { cursor, limit })
    },
  )

  app.post(
    '/api/datasets/proposals',
    {
      config: { permission: 'datasets:propose' },
      schema: {
        operationId: 'proposeDataset',
        tags: ['datasets'],
        description: 'Drafts a dataset file from a table by following its foreign keys. Nothing is stored.',
        body: ProposalBody,
        response: { 200: ProposalAnswer },
      },
    },
    async ({ body: { source: name = 'app', table } }) => {
      const source = app.datasets.sources.get(name)
      if (source === undefined) throw sourceProblems.SOURCE_UNKNOWN(`There is no source "${name}".`)
      const catalog = await source.withConnection(readCatalog)
      const taken = app.datasets.list().map((listed) => listed.name)
      const { name: dataset, yaml } = proposeDataset(catalog, table, { source: name, taken })
      return { dataset, fileName: `${dataset}.yaml`, yaml }
    },
  )

  app.get(
    '/schemas/dataset.json',
    { config: { permission: 'public' }, schema: { hide: true } },
    async (_request, reply) => reply.type('application/schema+json').send(publishedSchema),
  )
}

/** The datasets' API: list, definition, records, drafts, and the JSON Schema of their files. */
export default plugin(routes, { name: 'dataset-routes', dependencies: ['datasets'] })
