import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { stringify } from 'yaml'
import type { Dataset, TableNode } from './definition.ts'
import { datasetProblems } from './errors.ts'

export const DatasetParams = Type.Object(
  { dataset: Type.String({ maxLength: 300 }) },
  { additionalProperties: false },
)

/** The pages of datasets: the list, and one with its tables, its definition or its problems. */
const pages: FastifyPluginAsyncTypebox = async (app) => {
  app.addNavigation({
    group: 'Data',
    label: 'Datasets',
    path: '/datasets',
    icon: 'dataset',
    permission: 'datasets:list',
  })

  app.get(
    '/datasets',
    { config: { permission: 'datasets:list' }, schema: { hide: true } },
    async (_request, reply) => {
      const items = app.datasets.list().map((listed) => {
        const dataset = listed.problems.length === 0 ? app.datasets.get(listed.name) : null
        return {
          ...listed,
          source: dataset?.source,
          table: dataset?.root.name,
          children: tablesOf(dataset).length - 1,
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
        dataset: { ...listed, source: dataset?.source },
        tables: tablesOf(dataset),
        definition: dataset && stringify(dataset.declaration),
      })
    },
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
