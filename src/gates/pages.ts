import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { parseScope, type Scope } from '../datasets/scope.ts'
import { scopeFields, scopeOfForm } from '../snapshots/scope-form.ts'
import { describeVerdict } from './describe-verdict.ts'
import { operations } from './gate-policy.ts'
import { judgeGates } from './judge-gate.ts'
import { GateParams } from './schemas.ts'

const { which, ...fields } = scopeFields
const ScopeQuery = Type.Object({ which: Type.Optional(which), ...fields }, { additionalProperties: false })

/** The page of a dataset's gates: the verdict on each operation, for the records that are asked about. */
const pages: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/datasets/:dataset/gate',
    {
      config: { permission: 'gates:view' },
      schema: { hide: true, params: GateParams, querystring: ScopeQuery },
    },
    async (request, reply) => {
      const { actor, params, query } = request
      const dataset = app.datasets.get(params.dataset)
      const show = (verdicts: object[], scope: Scope | null, problem: unknown = null) =>
        reply.page('gates/show', {
          title: `Gates of ${dataset.title}`,
          dataset: { name: dataset.name, title: dataset.title },
          typed: query,
          scope,
          verdicts,
          problem,
        })
      request.showAgain = (problem) => show([], null, problem)
      const asked = scopeOfForm({ ...query, which: query.which ?? 'all' }, dataset.root.key)
      const scope = parseScope(asked, dataset)
      const verdicts = await judgeGates(app, dataset, scope, operations, actor)
      return show(verdicts.map(describeVerdict), scope)
    },
  )
}

export default pages
