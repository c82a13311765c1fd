import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import plugin from 'fastify-plugin'
import Type from 'typebox'
import { describeSystem } from './describe-system.ts'
import { SystemResource } from './schemas.ts'

/** What the service stands on and has to do, for whoever runs it. */
const routes: FastifyPluginAsyncTypebox = async (app) => {
  app.addSchema(SystemResource)
  app.addNavigation({
    group: 'Administration',
    label: 'System',
    path: '/system',
    icon: 'store',
    key: 'y',
    permission: 'system:view',
  })

  app.get(
    '/api/system',
    {
      config: { permission: 'system:view' },
      schema: {
        operationId: 'getSystem',
        tags: ['system'],
        description:
          'Versions, the database, sources, stores, the queue, memory, and the settings without secrets.',
        response: { 200: Type.Ref('System') },
      },
    },
    async () => describeSystem(app),
  )

  app.get(
    '/system',
    { config: { permission: 'system:view' }, schema: { hide: true } },
    async (_request, reply) =>
      reply.page('system/show', { title: 'System', system: await describeSystem(app) }),
  )
}

export default plugin(routes, { name: 'system', dependencies: ['storage', 'datasets'] })
