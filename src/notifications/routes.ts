import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import plugin from 'fastify-plugin'
import { notificationProblems } from './errors.ts'
import { openOutbound } from './guarded-fetch.ts'

const routes: FastifyPluginAsyncTypebox = async (app) => {
  app.addProblems(notificationProblems)
  app.decorate('outbound', openOutbound())
  app.addHook('onClose', async () => {
    await Promise.all(Object.values(app.outbound.agents).map((agent) => agent.destroy()))
  })
}

export default plugin(routes, { name: 'notifications', dependencies: ['datasets'] })
