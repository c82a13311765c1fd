import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import datasetPage from './dataset-page.ts'
import listPage from './list-page.ts'
import proposalPage from './proposal-page.ts'
import recordsPage from './records-page.ts'
import type { Standing } from './standing.ts'

/** The pages of datasets: list-page.ts, dataset-page.ts for one, records-page.ts, and proposal-page.ts for a new one. */
const pages: FastifyPluginAsyncTypebox<Standing> = async (app, standing) => {
  app.addNavigation({
    group: 'Data',
    label: 'Datasets',
    path: '/datasets',
    icon: 'dataset',
    key: 't',
    permission: 'datasets:list',
  })
  await app.register(listPage, standing)
  await app.register(datasetPage, standing)
  await app.register(recordsPage)
  await app.register(proposalPage)
}

export default pages
