import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { describeRetention } from './describe-retention.ts'
import { RetentionParams } from './schemas.ts'
import { usableNames } from './usable-datasets.ts'

/** The pages of retention: what goes next, and why, of all datasets and of one. */
const pages: FastifyPluginAsyncTypebox = async (app) => {
  app.addNavigation({
    group: 'Upkeep',
    label: 'Retention',
    path: '/retention',
    icon: 'clock',
    key: 'o',
    permission: 'retention:view',
  })

  app.get(
    '/retention',
    { config: { permission: 'retention:view' }, schema: { hide: true } },
    async (_request, reply) => {
      const described = usableNames(app).map((name) => describeRetention(app, app.datasets.get(name), 0))
      const items = await Promise.all(described)
      return reply.page('retention/list', { title: 'Retention', items })
    },
  )

  app.get(
    '/retention/:dataset',
    { config: { permission: 'retention:view' }, schema: { hide: true, params: RetentionParams } },
    async ({ params }, reply) => {
      const dataset = app.datasets.get(params.dataset)
      const retention = await describeRetention(app, dataset)
      return reply.page('retention/show', { title: `Retention of ${dataset.title}`, retention })
    },
  )
}

export default pages
