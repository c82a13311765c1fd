import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { datasetProblems } from '../datasets/errors.ts'
import { requireParty } from '../datasets/parties.ts'
import { keysOf, parseScope } from '../datasets/scope.ts'
import { keysOfLines } from '../datasets/typed-keys.ts'
import { readRecord } from './read-record.ts'

export const RecordParams = Type.Object(
  {
    dataset: Type.String({ minLength: 1, maxLength: 300 }),
    key: Type.String({
      minLength: 1,
      maxLength: 2000,
      description: 'The key; a JSON list where it has several columns.',
    }),
  },
  { additionalProperties: false },
)

/** One record in full as it is now: what a snapshot taken this moment would hold of it. */
const recordRoute: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/api/datasets/:dataset/records/:key',
    {
      config: { permission: 'records:list', streamed: true },
      schema: {
        operationId: 'getRecord',
        tags: ['datasets'],
        description: 'A record as it is in the source now, in the form that an artifact has it in.',
        params: RecordParams,
        response: {
          200: { content: { 'application/json': { schema: Type.Unsafe<Buffer>(Type.Object({})) } } },
        },
      },
    },
    async ({ actor, params: { dataset: name, key: text } }, reply) => {
      const dataset = await app.datasets.current(name)
      const scope = parseScope({ keys: keysOfLines(text, dataset.root.key) }, dataset, '/params/key')
      await requireParty(app, actor, dataset, keysOf(scope), 'view')
      const json = await readRecord(app, dataset, scope)
      if (json === null)
        throw datasetProblems.RECORD_NOT_FOUND(`Dataset "${name}" has no record with the key ${text}.`)
      return reply.type('application/json; charset=utf-8').send(json)
    },
  )
}

export default recordRoute
