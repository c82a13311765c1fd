import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import exportPage from './export-page.ts'
import listPage from './list-page.ts'
import requestPage from './request-page.ts'

/** The pages of exports: the list, making one, and one of them. */
const pages: FastifyPluginAsyncTypebox = async (app) => {
  app.addNavigation({
    group: 'Data',
    label: 'Exports',
    path: '/exports',
    icon: 'file',
    key: 'e',
    permission: 'exports:list',
  })
  await app.register(listPage)
  await app.register(requestPage)
  await app.register(exportPage)
}

export default pages
