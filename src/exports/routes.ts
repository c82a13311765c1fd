import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import plugin from 'fastify-plugin'
import Type from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { ScopeSchema } from '../datasets/scope.ts'
import { streamEvents } from '../platform/events.ts'
import { preferredWait } from '../platform/prefer.ts'
import { topicOf } from './attempts.ts'
import { cancelExport } from './cancel-export.ts'
import contentRoutes from './content-routes.ts'
import { deleteExport } from './delete-export.ts'
import { exportProblems } from './errors.ts'
import { findExport } from './find-exports.ts'
import { generateExport, generateJob } from './generate-export.ts'
import { expireExports } from './expire-exports.ts'
import { listExports } from './list-exports.ts'
import pages from './pages.ts'
import { presentExport } from './present-export.ts'
import { keepReconciled } from './reconcile-exports.ts'
import { requestExport } from './request-export.ts'
import { concernedExport, waitUntilFinished } from './requests.ts'
import {
  ExportBody,
  ExportList,
  ExportParams,
  ListExportsQuery,
  ManifestBody,
  RequestExportBody,
} from './schemas.ts'

const routes: FastifyPluginAsyncTypebox = async (app) => {
  app.addProblems(exportProblems)
  if (app.getSchema('Scope') === undefined) app.addSchema(ScopeSchema)
  app.addSchema(ExportBody)
  app.addSchema(ManifestBody)
  app.queue.define<{ id: string }>(generateJob, ({ id }, run) => generateExport(app, id, run))
  keepReconciled(app)
  await app.register(contentRoutes)
  await app.register(pages)
  app.schedules.provide(() => [
    {
      name: 'exports.expiry',
      title: 'Expire exports',
      description: 'Removes the files of exports whose time is over.',
      dataset: null,
      cron: '20 * * * *',
      timezone: 'UTC',
      run: async ({ cause, signal }) => ({ counts: { expired: await expireExports(app, cause, signal) } }),
    },
  ])

  app.post(
    '/api/exports',
    {
      config: { permission: 'exports:create' },
      schema: {
        operationId: 'requestExport',
        tags: ['exports'],
        description:
          'Renders a scope as JSON, CSV or PDF. 202 while it is being made; 201 when it was finished within `Prefer: wait=N`.',
        body: RequestExportBody,
        response: { 201: Type.Ref('Export'), 202: Type.Ref('Export') },
      },
    },
    async (request, reply) => {
      const { expiresAt, ...body } = request.body
      const time = expiresAt === null ? null : new Date(expiresAt ?? 0)
      const wanted = { ...body, ...(expiresAt !== undefined && { expiresAt: time }) }
      const exported = await requestExport(app, wanted, causeOf(request))
      reply.header('location', `/api/exports/${exported.id}`)
      const latest = await waitUntilFinished(app, exported, preferredWait(request))
      return reply.code(latest.isUnfinished() ? 202 : 201).send(presentExport(latest))
    },
  )

  app.get(
    '/api/exports',
    {
      config: { permission: 'exports:list' },
      schema: {
        operationId: 'listExports',
        tags: ['exports'],
        querystring: ListExportsQuery,
        response: { 200: ExportList },
      },
    },
    async ({ actor, query: { limit, cursor, ...filter } }) => {
      const { items, nextCursor } = await listExports(app, actor, filter, { limit, cursor })
      return { items: items.map(presentExport), nextCursor }
    },
  )

  app.get(
    '/api/exports/:id',
    {
      config: { permission: 'exports:view' },
      schema: {
        operationId: 'getExport',
        tags: ['exports'],
        params: ExportParams,
        response: { 200: Type.Ref('Export') },
      },
    },
    async (request) => presentExport(await concernedExport(app, request, request.params.id)),
  )

  app.delete(
    '/api/exports/:id',
    {
      config: { permission: 'exports:delete' },
      schema: {
        operationId: 'deleteExport',
        tags: ['exports'],
        params: ExportParams,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { id } = await concernedExport(app, request, request.params.id)
      await deleteExport(app, id, causeOf(request))
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/api/exports/:id/cancellation',
    {
      config: { permission: 'exports:create' },
      schema: {
        operationId: 'cancelExport',
        tags: ['exports'],
        params: ExportParams,
        response: { 200: Type.Ref('Export') },
      },
    },
    async (request) => {
      const { id } = await concernedExport(app, request, request.params.id)
      return presentExport(await cancelExport(app, id, causeOf(request)))
    },
  )

  app.get(
    '/api/exports/:id/events',
    {
      config: { permission: 'exports:view' },
      schema: {
        operationId: 'followExport',
        tags: ['exports'],
        description: 'Progress as Server-Sent Events; `event: done` is the last.',
        params: ExportParams,
        response: { 200: { content: { 'text/event-stream': { schema: Type.String() } } } },
      },
    },
    async (request, reply) => {
      const { id } = await concernedExport(app, request, request.params.id)
      const look = async () => {
        const exported = await findExport(app.orm.em, id)
        return { state: presentExport(exported), done: !exported.isUnfinished() }
      }
      return streamEvents(request, reply, { topic: topicOf(id), look })
    },
  )
}

export default plugin(routes, { name: 'exports', dependencies: ['gates', 'schedules'] })
