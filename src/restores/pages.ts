import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import listPage from './list-page.ts'
import planPage from './plan-page.ts'
import restorePage from './restore-page.ts'

/** The pages of restores: list-page.ts, plan-page.ts for asking for one, restore-page.ts for one of them. */
const pages: FastifyPluginAsyncTypebox = async (app) => {
  app.addNavigation({
    group: 'Data',
    label: 'Restores',
    path: '/restores',
    icon: 'restore',
    key: 'r',
    permission: 'restores:list',
  })
  await app.register(listPage)
  await app.register(planPage)
  await app.register(restorePage)
}

export default pages
