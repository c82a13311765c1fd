import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import { stringify } from 'yaml'
import { describeSchedules } from '../schedules/describe-schedules.ts'
import { describeParties, describeRules } from './describe-rules.ts'
import type { Dataset } from './definition.ts'
import { datasetProblems } from './errors.ts'
import { presentDataset } from './present-dataset.ts'
import { DatasetParams } from './schemas.ts'
import type { Standing } from './standing.ts'

/** The page of one dataset: how it stands, what may be done with it now, what it is, or its problems. */
const datasetPage: FastifyPluginAsyncTypebox<Standing> = async (app, { readFreshness, readVerdicts }) => {
  app.get(
    '/datasets/:dataset',
    { config: { permission: 'datasets:view' }, schema: { hide: true, params: DatasetParams } },
    async ({ actor, params: { dataset: name } }, reply) => {
      const listed = app.datasets.list().find((dataset) => dataset.name === name)
      if (listed === undefined) throw datasetProblems.DATASET_UNKNOWN(`There is no dataset "${name}".`)
      const dataset = listed.problems.length === 0 ? app.datasets.get(name) : null
      const source = dataset && app.datasets.source(dataset)
      const freshness = (await readFreshness()).get(name) ?? null
      const { tables, counts, ...presented } = await presentDataset(listed, dataset, source, freshness)
      return reply.page('datasets/show', {
        title: listed.title,
        entity: { type: 'dataset', id: name },
        dataset: presented,
        tables: tables.map((table) => ({ ...table, depth: depthOf(table.path) })),
        counts,
        schedules: await schedulesOf(app, name),
        definition: dataset && stringify(dataset.declaration).trimEnd().split('\n'),
        ...(dataset && {
          verdicts: await readVerdicts(dataset, actor),
          rules: describeRules(dataset),
          parties: describeParties(dataset),
          links: linksOf(dataset),
        }),
      })
    },
  )
}

export default datasetPage

/** `records` is the first; `turns.notes` is two below it. */
function depthOf(path: string): number {
  return path === 'records' ? 0 : path.split('.').length
}

function schedulesOf(app: FastifyInstance, name: string) {
  return describeSchedules(
    app,
    app.schedules.list().filter(({ dataset }) => dataset === name),
  )
}

/** Where more of the dataset is to be found: label, icon, path, and the permission that it takes. */
function linksOf({ name, files }: Dataset) {
  const list = (label: string, icon: string, path = `/${label.toLowerCase()}`, filter = 'dataset') => ({
    label,
    icon,
    path: `${path}?${filter}=${encodeURIComponent(name)}`,
    permission: `${path.slice(1)}:list`,
  })
  return [
    list('Snapshots', 'snapshot'),
    list('Restores', 'restore'),
    list('Exports', 'file'),
    list('Cleanups', 'trash'),
    ...(files === null ? [] : [list('Deliveries', 'next')]),
    list('Holds', 'lock'),
    {
      label: 'Retention',
      icon: 'clock',
      path: `/retention/${encodeURIComponent(name)}`,
      permission: 'retention:view',
    },
    list('Audit log', 'audit', '/audit'),
  ]
}
