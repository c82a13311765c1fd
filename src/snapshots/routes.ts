import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import plugin from 'fastify-plugin'
import Type from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { ScopeSchema } from '../datasets/scope.ts'
import { expectMatch } from '../platform/conditional.ts'
import { streamEvents } from '../platform/events.ts'
import { preferredWait } from '../platform/prefer.ts'
import { topicOf } from './attempts.ts'
import { cancelSnapshot } from './cancel-snapshot.ts'
import contentRoutes from './content-routes.ts'
import { deleteSnapshot } from './delete-snapshot.ts'
import { snapshotProblems } from './errors.ts'
import { findSnapshot } from './find-snapshots.ts'
import { generateJob, generateSnapshot } from './generate-snapshot.ts'
import { listSnapshots } from './list-snapshots.ts'
import { noteJob, noteSnapshot } from './note-snapshot.ts'
import pages from './pages.ts'
import { presentSnapshot } from './present-snapshot.ts'
import { keepReconciled } from './reconcile-snapshots.ts'
import recordPage from './record-page.ts'
import recordRoute from './record-route.ts'
import { concernedSnapshot, waitUntilFinished, whileConnected } from './requests.ts'
import {
  DeleteSnapshotQuery,
  ListSnapshotsQuery,
  PendingChangesBody,
  SnapshotBody,
  SnapshotList,
  SnapshotParams,
  TakeSnapshotBody,
  UpdateSnapshotBody,
  VerificationBody,
} from './schemas.ts'
import type { Snapshot } from './snapshot.ts'
import { summarizeSnapshots } from './summarize-snapshots.ts'
import { takeSnapshot } from './take-snapshot.ts'
import { updateSnapshot } from './update-snapshot.ts'
import { verifySnapshot } from './verify-snapshot.ts'

const routes: FastifyPluginAsyncTypebox = async (app) => {
  app.addProblems(snapshotProblems)
  if (app.getSchema('Scope') === undefined) app.addSchema(ScopeSchema)
  app.addSchema(VerificationBody)
  app.addSchema(SnapshotBody)
  app.addSchema(PendingChangesBody)
  app.queue.define<{ id: string }>(generateJob, ({ id }, run) => generateSnapshot(app, id, run))
  app.queue.define<{ id: string }>(noteJob, ({ id }) => noteSnapshot(app, id))
  keepReconciled(app)
  await app.register(contentRoutes)
  await app.register(recordRoute)
  await app.register(recordPage)
  app.tellFreshness(() => summarizeSnapshots(app.orm.em))
  await app.register(pages)

  app.post(
    '/api/snapshots',
    {
      config: { permission: 'snapshots:create' },
      schema: {
        operationId: 'takeSnapshot',
        tags: ['snapshots'],
        description:
          'Takes a snapshot of a scope. 202 while it is being taken; 201 when it was finished within `Prefer: wait=N`; 200 when `reuseWithin` found one.',
        body: TakeSnapshotBody,
        response: { 200: Type.Ref('Snapshot'), 201: Type.Ref('Snapshot'), 202: Type.Ref('Snapshot') },
      },
    },
    async (request, reply) => {
      const { expiresAt, ...body } = request.body
      const wanted = {
        ...body,
        ...(expiresAt !== undefined && { expiresAt: expiresAt === null ? null : new Date(expiresAt) }),
      }
      const { snapshot, reused } = await takeSnapshot(app, wanted, causeOf(request))
      reply.header('location', `/api/snapshots/${snapshot.id}`)
      if (reused) return presentSnapshot(snapshot)
      const latest = await waitUntilFinished(app, snapshot, preferredWait(request))
      return reply.code(latest.isUnfinished() ? 202 : 201).send(presentSnapshot(latest))
    },
  )

  app.get(
    '/api/snapshots',
    {
      config: { permission: 'snapshots:list' },
      schema: {
        operationId: 'listSnapshots',
        tags: ['snapshots'],
        querystring: ListSnapshotsQuery,
        response: { 200: SnapshotList },
      },
    },
    async ({ actor, query: { limit, cursor, ...filter } }) => {
      const { items, nextCursor } = await listSnapshots(app, actor, filter, { limit, cursor })
      return { items: items.map(presentSnapshot), nextCursor }
    },
  )

  app.get(
    '/api/snapshots/:id',
    {
      config: { permission: 'snapshots:view' },
      schema: {
        operationId: 'getSnapshot',
        tags: ['snapshots'],
        params: SnapshotParams,
        response: { 200: Type.Ref('Snapshot') },
      },
    },
    async (request) => presentSnapshot(await concernedSnapshot(app, request, request.params.id)),
  )

  app.patch(
    '/api/snapshots/:id',
    {
      config: { permission: 'snapshots:update', ifMatch: true },
      schema: {
        operationId: 'updateSnapshot',
        tags: ['snapshots'],
        params: SnapshotParams,
        body: UpdateSnapshotBody,
        response: { 200: Type.Ref('Snapshot') },
      },
    },
    async (request, reply) => {
      const { id } = await concernedSnapshot(app, request, request.params.id)
      const { expiresAt, ...body } = request.body
      const time = expiresAt === null ? null : new Date(expiresAt ?? 0)
      const changes = { ...body, ...(expiresAt !== undefined && { expiresAt: time }) }
      const check = (present: Snapshot) => expectMatch(request, reply, presentSnapshot(present))
      return presentSnapshot(await updateSnapshot(app, id, changes, causeOf(request), check))
    },
  )

  app.delete(
    '/api/snapshots/:id',
    {
      config: { permission: 'snapshots:delete' },
      schema: {
        operationId: 'deleteSnapshot',
        tags: ['snapshots'],
        params: SnapshotParams,
        querystring: DeleteSnapshotQuery,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { id } = await concernedSnapshot(app, request, request.params.id)
      await deleteSnapshot(app, id, { ...causeOf(request), force: request.query.force ?? false })
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/api/snapshots/:id/cancellation',
    {
      config: { permission: 'snapshots:create' },
      schema: {
        operationId: 'cancelSnapshot',
        tags: ['snapshots'],
        params: SnapshotParams,
        response: { 200: Type.Ref('Snapshot') },
      },
    },
    async (request) => {
      const { id } = await concernedSnapshot(app, request, request.params.id)
      return presentSnapshot(await cancelSnapshot(app, id, causeOf(request)))
    },
  )

  app.post(
    '/api/snapshots/:id/verifications',
    {
      config: { permission: 'snapshots:verify' },
      schema: {
        operationId: 'verifySnapshot',
        tags: ['snapshots'],
        description: 'Reads all stored bytes again and compares them with what was recorded.',
        params: SnapshotParams,
        response: { 200: Type.Ref('Verification') },
      },
    },
    async (request, reply) => {
      const { id } = await concernedSnapshot(app, request, request.params.id)
      return verifySnapshot(app, id, causeOf(request), whileConnected(reply))
    },
  )

  app.get(
    '/api/snapshots/:id/events',
    {
      config: { permission: 'snapshots:view' },
      schema: {
        operationId: 'followSnapshot',
        tags: ['snapshots'],
        description: 'Progress as Server-Sent Events; `event: done` is the last.',
        params: SnapshotParams,
        response: { 200: { content: { 'text/event-stream': { schema: Type.String() } } } },
      },
    },
    async (request, reply) => {
      const { id } = await concernedSnapshot(app, request, request.params.id)
      const look = async () => {
        const snapshot = await findSnapshot(app.orm.em, id)
        return { state: presentSnapshot(snapshot), done: !snapshot.isUnfinished() }
      }
      return streamEvents(request, reply, { topic: topicOf(id), look })
    },
  )
}

export default plugin(routes, { name: 'snapshots', dependencies: ['audit', 'storage', 'datasets'] })
