import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import plugin from 'fastify-plugin'
import { retentionProblems } from './errors.ts'
import { schedulesOf } from './provide-schedules.ts'

const routes: FastifyPluginAsyncTypebox = async (app) => {
  app.addProblems(retentionProblems)
  app.schedules.provide(() => schedulesOf(app))
}

export default plugin(routes, { name: 'retention', dependencies: ['cleanups', 'schedules'] })
