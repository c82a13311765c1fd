import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import plugin from 'fastify-plugin'
import Type from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { streamEvents } from '../platform/events.ts'
import { preferredWait } from '../platform/prefer.ts'
import { applyJob, applyRestore, runApplication } from './apply-restore.ts'
import { findRestore, topicOf } from './attempts.ts'
import { cancelRestore } from './cancel-restore.ts'
import { concernedRestore } from './concerned-restore.ts'
import { restoreProblems } from './errors.ts'
import { listRestores } from './list-restores.ts'
import pages from './pages.ts'
import { parseKeys } from './parse-keys.ts'
import { planJob, planRestore, runPlan } from './plan-restore.ts'
import { presentRestore } from './present-restore.ts'
import { keepReconciled } from './reconcile-restores.ts'
import type { Restore } from './restore.ts'
import {
  ApplicationBody,
  PlanRequestBody,
  RestoreList,
  RestoreParams,
  RestoreQuery,
  shared,
} from './schemas.ts'
import { undoRestore } from './undo-restore.ts'
import { requireSuccess, waitUntilSettled } from './wait-until-settled.ts'

const answers = { 201: Type.Ref('Restore'), 202: Type.Ref('Restore') }

const routes: FastifyPluginAsyncTypebox = async (app) => {
  app.addProblems(restoreProblems)
  for (const schema of shared) app.addSchema(schema)
  app.queue.define<{ id: string }>(planJob, ({ id }, run) => runPlan(app, id, run))
  app.queue.define<{ id: string }>(applyJob, ({ id }, run) => runApplication(app, id, run))
  keepReconciled(app)
  await app.register(pages)

  app.post(
    '/api/restores',
    {
      config: { permission: 'restores:plan' },
      schema: {
        operationId: 'planRestore',
        tags: ['restores'],
        description:
          'Plans a restore and changes nothing. 201 with the plan when it is ready within `Prefer: wait=N` (10 s unless told), else 202.',
        body: PlanRequestBody,
        response: answers,
      },
    },
    async (request, reply) => {
      const { snapshotId, mode = 'replace', keys } = request.body
      const parsed = keys === undefined ? null : await parseKeys(app, snapshotId, keys)
      const restore = await planRestore(app, { snapshotId, mode, keys: parsed }, causeOf(request))
      return answer(app, request, reply, restore)
    },
  )

  app.get(
    '/api/restores',
    {
      config: { permission: 'restores:list' },
      schema: {
        operationId: 'listRestores',
        tags: ['restores'],
        querystring: RestoreQuery,
        response: { 200: RestoreList },
      },
    },
    async ({ query: { cursor, limit, ...filter } }) => {
      const { items, nextCursor } = await listRestores(app, filter, { limit, cursor })
      return { items: items.map(presentRestore), nextCursor }
    },
  )

  app.get(
    '/api/restores/:id',
    {
      config: { permission: 'restores:view' },
      schema: {
        operationId: 'getRestore',
        tags: ['restores'],
        params: RestoreParams,
        response: { 200: Type.Ref('Restore') },
      },
    },
    async (request) => presentRestore(await concernedRestore(app, request, request.params.id)),
  )

  app.post(
    '/api/restores/:id/application',
    {
      config: { permission: 'restores:apply' },
      schema: {
        operationId: 'applyRestore',
        tags: ['restores'],
        description:
          'Carries the plan out, whole or not at all. 201 when it is done within `Prefer: wait=N`, else 202.',
        params: RestoreParams,
        body: ApplicationBody,
        response: answers,
      },
    },
    async (request, reply) => {
      const { id } = await concernedRestore(app, request, request.params.id)
      return answer(app, request, reply, await applyRestore(app, id, request.body.planHash, causeOf(request)))
    },
  )

  app.post(
    '/api/restores/:id/undo',
    {
      config: { permission: 'restores:undo' },
      schema: {
        operationId: 'undoRestore',
        tags: ['restores'],
        description: 'Plans the way back, as a restore of its own, which is then applied like any other.',
        params: RestoreParams,
        response: answers,
      },
    },
    async (request, reply) => {
      const { id } = await concernedRestore(app, request, request.params.id)
      return answer(app, request, reply, await undoRestore(app, id, causeOf(request)))
    },
  )

  app.post(
    '/api/restores/:id/cancellation',
    {
      config: { permission: 'restores:apply' },
      schema: {
        operationId: 'cancelRestore',
        tags: ['restores'],
        description: 'Gives the restore up, until the moment of its commit; safe to repeat.',
        params: RestoreParams,
        response: { 200: Type.Ref('Restore') },
      },
    },
    async (request) => {
      const { id } = await concernedRestore(app, request, request.params.id)
      return presentRestore(await cancelRestore(app, id, causeOf(request)))
    },
  )

  app.get(
    '/api/restores/:id/events',
    {
      config: { permission: 'restores:view' },
      schema: {
        operationId: 'followRestore',
        tags: ['restores'],
        description: 'Server-Sent Events: `progress` with the restore after every change, then `done`.',
        params: RestoreParams,
        response: { 200: { content: { 'text/event-stream': { schema: Type.String() } } } },
      },
    },
    async (request, reply) => {
      const { id } = await concernedRestore(app, request, request.params.id)
      const look = async () => {
        const restore = await findRestore(app.orm.em, id)
        return { state: presentRestore(restore), done: !restore.isUnfinished() }
      }
      return streamEvents(request, reply, { topic: topicOf(id), look })
    },
  )
}

/** What a caller without a preference is ready to wait for a plan, in seconds: most come within it. */
const ordinaryWait = 10

async function answer(
  app: FastifyInstance,
  request: FastifyRequest,
  reply: {
    code(status: 201 | 202): { send(body: ReturnType<typeof presentRestore>): unknown }
    header(name: string, value: string): unknown
  },
  restore: Restore,
) {
  reply.header('location', `/api/restores/${restore.id}`)
  const seconds = request.headers.prefer === undefined ? ordinaryWait : preferredWait(request)
  const latest = await waitUntilSettled(app, restore, seconds)
  requireSuccess(app, latest)
  return reply.code(latest.isUnfinished() ? 202 : 201).send(presentRestore(latest))
}

export default plugin(routes, { name: 'restores', dependencies: ['snapshots'] })
