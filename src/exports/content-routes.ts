import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { create as contentDisposition } from 'content-disposition'
import Type from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { scopeOfQuery } from '../datasets/scope-of-query.ts'
import { sendDownload } from '../platform/downloads.ts'
import { openDownload, recordDownload } from './download-export.ts'
import { manifestOf } from './manifest.ts'
import { allowExport } from './request-export.ts'
import { concernedExport, whileConnected } from './requests.ts'
import { ContentParams, ContentQuery, ExportParams } from './schemas.ts'
import { streamExport } from './stream-export.ts'

const file = { schema: Type.Unsafe<Readable>(Type.String({ format: 'binary' })) }

/** In every form that a file of ours has. */
const content = {
  'application/json': { schema: Type.Unsafe<Readable>(Type.Array(Type.Object({}))) },
  'text/csv': file,
  'application/zip': file,
  'application/pdf': file,
}

/** What an export holds, stored or straight from the source. */
const contentRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/api/exports/:id/content',
    {
      config: { permission: 'exports:download' },
      schema: {
        operationId: 'downloadExport',
        tags: ['exports'],
        description: 'The file. Ranges are answered.',
        params: ExportParams,
        response: { 200: { content } },
      },
    },
    async (request, reply) => {
      const exported = await concernedExport(app, request, request.params.id)
      const download = openDownload(app, exported)
      if (request.method === 'GET')
        await recordDownload(app, exported, causeOf(request), request.headers.range)
      return sendDownload(request, reply, download)
    },
  )

  app.get(
    '/api/exports/:id/manifest',
    {
      config: { permission: 'exports:view' },
      schema: {
        operationId: 'getExportManifest',
        tags: ['exports'],
        description: 'What was asked, counted and hashed, as it lies beside the file in the store.',
        params: ExportParams,
        response: { 200: Type.Ref('ExportManifest') },
      },
    },
    async (request) => {
      const exported = await concernedExport(app, request, request.params.id)
      return manifestOf(exported.requireCompleted())
    },
  )

  app.get(
    '/api/datasets/:dataset/content',
    {
      config: { permission: 'exports:create', streamed: true },
      schema: {
        operationId: 'streamExport',
        tags: ['exports'],
        description:
          'Renders a scope straight to the caller, without storing it. The SHA-256 of what was sent follows as the trailer `Repr-Digest`; when something goes wrong on the way, the connection breaks off.',
        params: ContentParams,
        querystring: ContentQuery,
        response: { 200: { content } },
      },
    },
    async (request, reply) => {
      const { format, includeChildren, title, skipSnapshotCheck, ...query } = request.query
      const { dataset } = request.params
      const wanted = {
        dataset,
        scope: scopeOfQuery(query, app.datasets.get(dataset)),
        format,
        ...(includeChildren !== undefined && { includeChildren }),
        ...(title !== undefined && { title }),
        ...(skipSnapshotCheck !== undefined && { skipSnapshotCheck }),
      }
      if (request.method === 'HEAD') {
        await allowExport(app, wanted, causeOf(request))
        return reply.header('cache-control', 'no-store, no-transform').send(Readable.from([]))
      }
      const streamed = await streamExport(app, wanted, causeOf(request), whileConnected(reply))
      return reply
        .headers({
          'content-type': streamed.contentType,
          'content-disposition': contentDisposition(streamed.filename),
          'cache-control': 'no-store, no-transform',
          'x-content-type-options': 'nosniff',
        })
        .trailer('repr-digest', async () => {
          const sha256 = await streamed.digest
          return `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`
        })
        .send(streamed.content)
    },
  )
}

export default contentRoutes
