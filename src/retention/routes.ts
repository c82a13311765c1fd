import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import plugin from 'fastify-plugin'
import Type from 'typebox'
import { describeRetention } from './describe-retention.ts'
import { retentionProblems } from './errors.ts'
import { schedulesOf } from './provide-schedules.ts'
import pages from './pages.ts'
import { RetentionBody, RetentionList, RetentionParams, VerdictsQuery } from './schemas.ts'
import { usableNames } from './usable-datasets.ts'

const routes: FastifyPluginAsyncTypebox = async (app) => {
  app.addProblems(retentionProblems)
  app.addSchema(RetentionBody)
  app.schedules.provide(() => schedulesOf(app))
  await app.register(pages)

  app.get(
    '/api/retention',
    {
      config: { permission: 'retention:view' },
      schema: {
        operationId: 'listRetention',
        tags: ['retention'],
        description: 'What goes next of each dataset, and why, before it goes.',
        response: { 200: RetentionList },
      },
    },
    async () => {
      const items: Awaited<ReturnType<typeof describeRetention>>[] = []
      for (const name of usableNames(app)) items.push(await describeRetention(app, app.datasets.get(name)))
      return { items, nextCursor: null }
    },
  )

  app.get(
    '/api/retention/:dataset',
    {
      config: { permission: 'retention:view' },
      schema: {
        operationId: 'getRetention',
        tags: ['retention'],
        params: RetentionParams,
        querystring: VerdictsQuery,
        response: { 200: Type.Ref('Retention') },
      },
    },
    async ({ params, query }) => describeRetention(app, app.datasets.get(params.dataset), query),
  )
}

export default plugin(routes, { name: 'retention', dependencies: ['cleanups', 'schedules'] })
