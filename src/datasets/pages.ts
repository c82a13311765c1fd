import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import datasetPage from './dataset-page.ts'
import { openDatasets } from './open-datasets.ts'
import proposalPage from './proposal-page.ts'
import recordsPage from './records-page.ts'
import type { Standing } from './standing.ts'

/** The pages of datasets: the list here; see dataset-page.ts, records-page.ts and proposal-page.ts for the others. */
const pages: FastifyPluginAsyncTypebox<Standing> = async (app, standing) => {
  app.addNavigation({
    group: 'Data',
    label: 'Datasets',
    path: '/datasets',
    icon: 'dataset',
    key: 't',
    permission: 'datasets:list',
  })
  await app.register(datasetPage, standing)
  await app.register(recordsPage)
  await app.register(proposalPage)

  app.get(
    '/datasets',
    { config: { permission: 'datasets:list' }, schema: { hide: true } },
    async ({ actor }, reply) => {
      const freshness = await standing.readFreshness()
      const items = openDatasets(app.datasets, actor).map(async (listed) => {
        const dataset = listed.problems.length === 0 ? app.datasets.get(listed.name) : null
        const known = actor.role === 'member' ? undefined : freshness.get(listed.name)
        return {
          ...listed,
          source: dataset?.source,
          root: dataset?.root.name,
          tables: dataset?.root.children.length,
          freshness: known,
          closed:
            dataset === null || actor.role === 'member'
              ? []
              : (await standing.readVerdicts(dataset, actor)).filter(({ open }) => !open),
        }
      })
      return reply.page('datasets/list', { title: 'Datasets', items: await Promise.all(items) })
    },
  )
}

export default pages
