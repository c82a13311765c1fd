import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import plugin from 'fastify-plugin'
import Type, { type Static } from 'typebox'
import type { Dataset } from '../datasets/definition.ts'
import { parseScope, type Scope } from '../datasets/scope.ts'
import { keysOfLines, valueOf } from '../datasets/typed-keys.ts'
import { gateProblems } from './errors.ts'
import { judgeGate } from './judge-gate.ts'
import pages from './pages.ts'
import { presentVerdict } from './present-verdict.ts'
import { GateParams, GateQuery, GateVerdictBody } from './schemas.ts'

const routes: FastifyPluginAsyncTypebox = async (app) => {
  app.addProblems(gateProblems)
  app.addSchema(GateVerdictBody)
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
      const scope = scopeOf(query, dataset)
      return presentVerdict(await judgeGate(app, dataset, scope, query.operation, actor))
    },
  )
}

export default plugin(routes, { name: 'gates', dependencies: ['snapshots'] })

/** @throws Problem VALIDATION_FAILED, SCOPE_INVALID, DATASET_WITHOUT_DATES */
function scopeOf({ all, key, month, from, to }: Static<typeof GateQuery>, dataset: Dataset): Scope {
  const columns = dataset.root.key
  const typed = (text: string) =>
    columns.length === 1 ? valueOf(text, columns[0]!) : keysOfLines(text, columns)[0]!
  const keys = key && [key].flat().map(typed)
  const given = Object.entries({ all, keys, month, from, to }).filter(([, value]) => value !== undefined)
  return parseScope(given.length === 0 ? undefined : Object.fromEntries(given), dataset, 'query:')
}
