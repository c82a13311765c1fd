import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import plugin from 'fastify-plugin'
import Type from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { ScopeSchema } from '../datasets/scope.ts'
import { expectMatch } from '../platform/conditional.ts'
import { Problem } from '../platform/errors.ts'
import { streamEvents } from '../platform/events.ts'
import { preferredWait } from '../platform/prefer.ts'
import type { Caused } from '../schedules/schedules.ts'
import { presentRestore } from '../restores/present-restore.ts'
import { waitUntilSettled } from '../restores/wait-until-settled.ts'
import { findCleanup, topicOf } from './attempts.ts'
import { captureCleanup } from './capture-cleanup.ts'
import { applyCleanup, cancelCleanup, changeCleanup, undoCleanup, withdrawCleanup } from './change-cleanup.ts'
import type { Cleanup } from './cleanup.ts'
import { describePreview } from './describe-preview.ts'
import { cleanupProblems } from './errors.ts'
import { listCleanups } from './list-cleanups.ts'
import { finishCleanup } from './finish-cleanup.ts'
import { createOrigins } from './origins.ts'
import pages from './pages.ts'
import { presentCleanup, presentCleanups } from './present-cleanup.ts'
import { keepReconciled } from './reconcile-cleanups.ts'
import { removeFiles } from './remove-files.ts'
import { removeRecords } from './remove-records.ts'
import { previewCleanup, requestCleanup } from './request-cleanup.ts'
import { concernedCleanup, waitUntilOver } from './requests.ts'
import { runDueCleanups } from './run-due-cleanups.ts'
import {
  CleanupBody,
  CleanupChangesBody,
  CleanupList,
  CleanupParams,
  CleanupPlanBody,
  CleanupPreviewBody,
  CleanupQuery,
  CleanupRequestBody,
  ConfirmationBody,
} from './schemas.ts'
import { captureJob, filesHandler, recordsHandler } from './start-cleanup.ts'

const answers = { 201: Type.Ref('Cleanup'), 202: Type.Ref('Cleanup') }

const routes: FastifyPluginAsyncTypebox = async (app) => {
  app.addProblems(cleanupProblems)
  app.decorate('cleanupOrigins', createOrigins())
  if (app.getSchema('Scope') === undefined) app.addSchema(ScopeSchema)
  app.addSchema(CleanupPlanBody)
  app.addSchema(CleanupBody)
  app.addSchema(CleanupPreviewBody)
  app.queue.define<{ id: string }>(captureJob, ({ id }, run) => captureCleanup(app, id, run))
  app.batches.define<{ chunk: number } | { after: number }>(recordsHandler, {
    run: (item, signal) => removeRecords(app, item, signal),
    finished: (em, batch) => finishCleanup(app, em, batch),
  })
  app.batches.define<{ chunk: number }>(filesHandler, {
    run: (item, signal) => removeFiles(app, item, signal),
    finished: (em, batch) => finishCleanup(app, em, batch),
  })
  keepReconciled(app)
  await app.register(pages)
  app.schedules.provide(() => [
    {
      name: 'cleanups.due',
      title: 'Due cleanups',
      description: 'Runs each cleanup whose deadline has come and whose conditions still hold.',
      ...{ dataset: null, cron: '*/5 * * * *', timezone: 'UTC' },
      run: async ({ cause, signal }) => {
        const caused: Caused[] = []
        const onStart = (id: string) => void caused.push({ type: 'cleanup', id })
        return { counts: await runDueCleanups(app, { cause, signal, onStart }), caused }
      },
    },
  ])

  app.post(
    '/api/cleanups',
    {
      config: { permission: 'cleanups:create' },
      schema: {
        operationId: 'requestCleanup',
        tags: ['cleanups'],
        description:
          'Without `confirmDelete`, what would be removed, and nothing is. With it and the planHash of that answer: removed at once, or planned for `dueAt`. 202 while it runs or waits; 201 when it was done within `Prefer: wait=N`.',
        body: CleanupRequestBody,
        response: { 200: Type.Ref('CleanupPreview'), ...answers },
      },
    },
    async (request, reply) => {
      const { confirmDelete = false, dueAt, ...wanted } = request.body
      request.concern = { entityType: 'cleanup', entityIds: [], dataset: wanted.dataset }
      if (!confirmDelete) {
        const preview = await previewCleanup(app, wanted, causeOf(request))
        return reply.code(200).send(describePreview(wanted.target, preview))
      }
      const due = dueAt === undefined ? {} : { dueAt: new Date(dueAt) }
      const cleanup = await requestCleanup(app, { ...wanted, ...due }, causeOf(request))
      return answer(app, request, reply, cleanup)
    },
  )

  app.get(
    '/api/cleanups',
    {
      config: { permission: 'cleanups:list' },
      schema: {
        operationId: 'listCleanups',
        tags: ['cleanups'],
        querystring: CleanupQuery,
        response: { 200: CleanupList },
      },
    },
    async ({ query: { cursor, limit, ...filter } }) => {
      const { items, nextCursor } = await listCleanups(app, filter, { limit, cursor })
      return { items: await presentCleanups(app, items), nextCursor }
    },
  )

  app.get(
    '/api/cleanups/:id',
    {
      config: { permission: 'cleanups:view' },
      schema: {
        operationId: 'getCleanup',
        tags: ['cleanups'],
        params: CleanupParams,
        response: { 200: Type.Ref('Cleanup') },
      },
    },
    async (request) => presentCleanup(app, await concernedCleanup(app, request, request.params.id)),
  )

  app.patch(
    '/api/cleanups/:id',
    {
      config: { permission: 'cleanups:update', ifMatch: true },
      schema: {
        operationId: 'changeCleanup',
        tags: ['cleanups'],
        description: 'Holds, releases or postpones a cleanup that waits.',
        params: CleanupParams,
        body: CleanupChangesBody,
        response: { 200: Type.Ref('Cleanup') },
      },
    },
    async (request, reply) => {
      const { id } = await concernedCleanup(app, request, request.params.id)
      const { hold, dueAt } = request.body
      const changes = {
        ...(hold !== undefined && { hold }),
        ...(dueAt !== undefined && { dueAt: new Date(dueAt) }),
      }
      const check = async (present: Cleanup) =>
        expectMatch(request, reply, await presentCleanup(app, present))
      return presentCleanup(app, await changeCleanup(app, id, changes, causeOf(request), check))
    },
  )

  app.delete(
    '/api/cleanups/:id',
    {
      config: { permission: 'cleanups:cancel' },
      schema: {
        operationId: 'withdrawCleanup',
        tags: ['cleanups'],
        description: 'Cancels a cleanup that waits. It stays in the list.',
        params: CleanupParams,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { id } = await concernedCleanup(app, request, request.params.id)
      await withdrawCleanup(app, id, causeOf(request))
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/api/cleanups/:id/cancellation',
    {
      config: { permission: 'cleanups:cancel' },
      schema: {
        operationId: 'cancelCleanup',
        tags: ['cleanups'],
        description:
          'Stops it, also while it runs: between two chunks. What was removed by then is in `counts`.',
        params: CleanupParams,
        response: { 200: Type.Ref('Cleanup') },
      },
    },
    async (request) => {
      const { id } = await concernedCleanup(app, request, request.params.id)
      return presentCleanup(app, await cancelCleanup(app, id, causeOf(request)))
    },
  )

  app.post(
    '/api/cleanups/:id/application',
    {
      config: { permission: 'cleanups:apply' },
      schema: {
        operationId: 'applyCleanup',
        tags: ['cleanups'],
        description:
          'Confirms a cleanup that is over its limit, or runs one that a person planned without waiting for its time.',
        params: CleanupParams,
        body: ConfirmationBody,
        response: answers,
      },
    },
    async (request, reply) => {
      const { id } = await concernedCleanup(app, request, request.params.id)
      const { planHash } = request.body
      return answer(app, request, reply, await applyCleanup(app, id, planHash, causeOf(request)))
    },
  )

  app.post(
    '/api/cleanups/:id/undo',
    {
      config: { permission: 'cleanups:undo' },
      schema: {
        operationId: 'undoCleanup',
        tags: ['cleanups'],
        description: 'Plans a restore of exactly what was removed: look at its plan, then apply it.',
        params: CleanupParams,
        response: { 201: Type.Ref('Restore'), 202: Type.Ref('Restore') },
      },
    },
    async (request, reply) => {
      const { id } = await concernedCleanup(app, request, request.params.id)
      const planning = await undoCleanup(app, id, causeOf(request))
      const restore = await waitUntilSettled(app, planning, preferredWait(request))
      reply.header('location', `/api/restores/${restore.id}`)
      return reply.code(restore.isUnfinished() ? 202 : 201).send(presentRestore(restore))
    },
  )

  app.get(
    '/api/cleanups/:id/events',
    {
      config: { permission: 'cleanups:view' },
      schema: {
        operationId: 'followCleanup',
        tags: ['cleanups'],
        description: 'Progress as Server-Sent Events; `event: done` is the last.',
        params: CleanupParams,
        response: { 200: { content: { 'text/event-stream': { schema: Type.String() } } } },
      },
    },
    async (request, reply) => {
      const { id } = await concernedCleanup(app, request, request.params.id)
      const look = async () => {
        const cleanup = await findCleanup(app.orm.em, id)
        return { state: await presentCleanup(app, cleanup), done: cleanup.isOver() }
      }
      return streamEvents(request, reply, { topic: topicOf(id), look, heartbeatMs: 1000 })
    },
  )
}

export default plugin(routes, {
  name: 'cleanups',
  dependencies: ['batches', 'restores', 'gates', 'schedules'],
})

async function answer(app: FastifyInstance, request: FastifyRequest, reply: FastifyReply, cleanup: Cleanup) {
  const latest = await waitUntilOver(app, cleanup, preferredWait(request))
  if (latest.status === 'failed') throw failure(app, latest)
  reply.header('location', `/api/cleanups/${latest.id}`)
  return reply.code(latest.isOver() ? 201 : 202).send(await presentCleanup(app, latest))
}

/** Whoever waited for the end is told of a failure as such. */
function failure(app: FastifyInstance, { id, error }: Cleanup): Problem {
  const definition = app.problems.get(error!.code)!
  return new Problem(error!.code, definition, error!.detail, { extensions: { cleanupId: id } })
}
