import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import plugin from 'fastify-plugin'
import findPage from './find-page.ts'
import { showDashboard } from './show-dashboard.ts'
import { showOwnRecords } from './show-own-records.ts'

/**
 * The page that answers in one look: is everything safe, and if not, what to do. A member, who may know of single
 * records only, finds those.
 */
const routes: FastifyPluginAsyncTypebox = async (app) => {
  app.addNavigation({ group: 'Overview', label: 'Dashboard', path: '/', icon: 'dashboard', key: 'd' })
  await app.register(findPage)

  app.get(
    '/',
    { config: { permission: 'dashboard:view' }, schema: { hide: true } },
    async ({ actor }, reply) =>
      actor.role === 'member'
        ? reply.page('dashboard/own-records', {
            title: 'Your records',
            datasets: await showOwnRecords(app, actor),
          })
        : reply.page('dashboard/show', { title: 'Dashboard', ...(await showDashboard(app, actor)) }),
  )
}

export default plugin(routes, { name: 'dashboard', dependencies: ['snapshots', 'restores', 'cleanups'] })
