import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import plugin from 'fastify-plugin'
import Type from 'typebox'
import { scopeOfQuery } from '../datasets/scope-of-query.ts'
import { describeVerdict } from './describe-verdict.ts'
import { gateProblems } from './errors.ts'
import { operations } from './gate-policy.ts'
import { judgeGate, judgeGates } from './judge-gate.ts'
import pages from './pages.ts'
import { presentVerdict } from './present-verdict.ts'
import { GateParams, GateQuery, GateVerdictBody } from './schemas.ts'

const routes: FastifyPluginAsyncTypebox = async (app) => {
  app.addProblems(gateProblems)
  app.addSchema(GateVerdictBody)
  app.tellVerdicts(async (dataset, actor) => {
    const verdicts = await judgeGates(app, dataset, { all: true }, operations, actor)
    return verdicts.map(describeVerdict)
  })
  await app.register(pages)

  app.get(
    '/api/datasets/:dataset/gate',
    {
      config: { permission: 'gates:view' },
      schema: {
        operationId: 'judgeGate',
        tags: ['gates'],
        description:
          'Whether an operation may go ahead, for an application that asks before one of its own. A verdict, never a refusal.',
        params: GateParams,
        querystring: GateQuery,
        response: { 200: Type.Ref('GateVerdict') },
      },
    },
    async ({ actor, params, query }) => {
      const dataset = app.datasets.get(params.dataset)
      const { operation, ...scope } = query
      return presentVerdict(await judgeGate(app, dataset, scopeOfQuery(scope, dataset), operation, actor))
    },
  )
}

export default plugin(routes, { name: 'gates', dependencies: ['snapshots'] })
