import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import Type from 'typebox'
import { stringify } from 'yaml'
import { url } from '../platform/components.ts'
import { DayFilter, FilterQuery, pagesOf, TextFilter } from '../platform/filters.ts'
import { answerForm, formRoute } from '../platform/forms.ts'
import { form } from '../platform/validation.ts'
import { readCatalog } from '../source/read-catalog.ts'
import { browseRecords, type ListedRecord, type RecordPage } from './browse-records.ts'
import type { Dataset, TableNode } from './definition.ts'
import { datasetProblems } from './errors.ts'
import { openDatasets } from './open-datasets.ts'
import { partyCondition } from './parties.ts'
import { proposeDataset, type Proposal } from './propose.ts'
import { lineOfKey } from './typed-keys.ts'

const closed = { additionalProperties: false } as const

const DatasetParams = Type.Object({ dataset: Type.String({ maxLength: 300 }) }, closed)

const RecordsQuery = FilterQuery({
  q: TextFilter,
  month: Type.Optional(Type.String({ maxLength: 20 })),
  from: DayFilter,
  to: DayFilter,
})

const ProposalForm = Type.Object(
  { source: Type.String({ maxLength: 100 }), table: Type.Optional(Type.String({ maxLength: 200 })) },
  { ...closed, ...form },
)

const pageSize = 50

interface Options {
  /** How the snapshots of each dataset stand. */
  readFreshness: () => Promise<ReadonlyMap<string, { last: unknown }>>
}

/** The pages of datasets: the list, one with its definition or its problems, its records, and drafting a new one. */
const pages: FastifyPluginAsyncTypebox<Options> = async (app, { readFreshness }) => {
  app.addNavigation({
    group: 'Data',
    label: 'Datasets',
    path: '/datasets',
    icon: 'dataset',
    key: 't',
    permission: 'datasets:list',
  })

  app.get(
    '/datasets',
    { config: { permission: 'datasets:list' }, schema: { hide: true } },
    async ({ actor }, reply) => {
      const freshness = await readFreshness()
      const items = openDatasets(app.datasets, actor).map((listed) => {
        const dataset = listed.problems.length === 0 ? app.datasets.get(listed.name) : null
        return {
          ...listed,
          source: dataset?.source,
          tables: tablesOf(dataset),
          last: freshness.get(listed.name)?.last,
        }
      })
      return reply.page('datasets/list', { title: 'Datasets', items })
    },
  )

  app.get(
    '/datasets/:dataset',
    { config: { permission: 'datasets:view' }, schema: { hide: true, params: DatasetParams } },
    async ({ params: { dataset: name } }, reply) => {
      const listed = app.datasets.list().find((dataset) => dataset.name === name)
      if (listed === undefined) throw datasetProblems.DATASET_UNKNOWN(`There is no dataset "${name}".`)
      const dataset = listed.problems.length === 0 ? app.datasets.get(name) : null
      return reply.page('datasets/show', {
        title: listed.title,
        entity: { type: 'dataset', id: name },
        dataset: { ...listed, source: dataset?.source },
        tables: tablesOf(dataset),
        freshness: (await readFreshness()).get(name),
        definition: dataset && stringify(dataset.declaration),
      })
    },
  )

  app.get(
    '/datasets/:dataset/records',
    {
      config: { permission: 'records:list' },
      schema: { hide: true, params: DatasetParams, querystring: RecordsQuery },
    },
    async (request, reply) => {
      const { actor, query, params } = request
      const dataset = app.datasets.get(params.dataset)
      const { cursor, ...filter } = query
      const show = (page: RecordPage, problem: unknown = null) =>
        showRecords(reply, dataset, query, page, problem)
      request.showAgain = (problem) => show({ items: [], nextCursor: null, estimatedTotal: 0 }, problem)
      const granted = partyCondition(actor, dataset, 'list')
      return show(
        await browseRecords(app.datasets.source(dataset), dataset, filter, granted, {
          cursor,
          limit: pageSize,
        }),
      )
    },
  )

  app.get(
    '/datasets/proposals/new',
    { config: { permission: 'datasets:propose' }, schema: { hide: true } },
    async (_request, reply) => showProposal(app, reply, {}),
  )

  app.post(
    '/datasets/proposals',
    { ...formRoute, config: { permission: 'datasets:propose' }, schema: { hide: true, body: ProposalForm } },
    async (request, reply) =>
      answerForm(
        request,
        async () => {
          const typed = request.body
          const proposal = await propose(app, typed.source, typed.table ?? '')
          return showProposal(app, reply, { typed, proposal })
        },
        (shown) => showProposal(app, reply, shown),
      ),
  )
}

export default pages

/** The tables of a record, each below its parent. */
function tablesOf(dataset: Dataset | null) {
  return dataset === null ? [] : describe(dataset.root, 0)
}

function describe(node: TableNode, depth: number): object[] {
  const { name, as, key, references, children } = node
  const row = {
    table: name,
    as,
    depth,
    key: key.map((column) => column.name),
    references: references.map(({ columns, table, missing }) => ({
      column: columns.map((column) => column.name).join(', '),
      table: `${table.schema}.${table.name}`,
      missing,
    })),
  }
  return [row, ...children.flatMap((child) => describe(child, depth + 1))]
}

function showRecords(
  reply: FastifyReply,
  { name, title, root }: Dataset,
  query: { cursor?: string } & Record<string, unknown>,
  { items, nextCursor, estimatedTotal }: RecordPage,
  problem: unknown,
): Promise<string> {
  const path = `/datasets/${encodeURIComponent(name)}/records`
  return reply.page('datasets/records', {
    title: `Records of ${title}`,
    dataset: { name, title },
    dated: root.dates !== null,
    children: root.children.map(({ as }) => as),
    items: items.map((record: ListedRecord) => ({ ...record, keyText: lineOfKey(record.key) })),
    estimatedTotal,
    filter: query,
    filtered: Object.keys(query).some((field) => field !== 'cursor'),
    pages: pagesOf((more) => url(path, more), query, nextCursor),
    problem,
  })
}

async function propose(app: FastifyInstance, source: string, table: string): Promise<Proposal> {
  const catalog = await app.datasets.source({ source }).withConnection(readCatalog)
  return proposeDataset(catalog, table, { source, taken: app.datasets.list().map(({ name }) => name) })
}

interface ShownProposal {
  typed?: unknown
  problem?: unknown
  proposal?: Proposal
}

async function showProposal(
  app: FastifyInstance,
  reply: FastifyReply,
  shown: ShownProposal,
): Promise<string> {
  return reply.page('datasets/propose', {
    title: 'Draft a dataset',
    backTo: '/datasets/proposals/new',
    sources: [...app.datasets.sources.keys()],
    ...shown,
  })
}
