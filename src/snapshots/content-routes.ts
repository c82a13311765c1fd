import type { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { sendDownload } from '../platform/downloads.ts'
import { compareSnapshot } from './compare-snapshot.ts'
import { openDownload, recordDownload } from './download-snapshot.ts'
import { concernedSnapshot, whileConnected } from './requests.ts'
import { ChangesQuery, SnapshotParams } from './schemas.ts'

/** What a snapshot holds: its artifact, and how the source differs from it now. */
const contentRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/api/snapshots/:id/content',
    {
      config: { permission: 'snapshots:download' },
      schema: {
        operationId: 'downloadSnapshot',
        tags: ['snapshots'],
        description:
          'The artifact, which `sha256sum` and `jq` can check and read. With `Accept-Encoding: zstd` as it is stored. Ranges are answered.',
        params: SnapshotParams,
        response: {
          200: { content: { 'application/json': { schema: Type.Unsafe<Readable>(Type.Object({})) } } },
        },
      },
    },
    async (request, reply) => {
      const snapshot = await concernedSnapshot(app, request, request.params.id)
      const download = await openDownload(app, snapshot)
      if (request.method === 'GET')
        await recordDownload(app, snapshot, causeOf(request), request.headers.range)
      return sendDownload(request, reply, download)
    },
  )

  app.get(
    '/api/snapshots/:id/changes',
    {
      config: { permission: 'snapshots:compare' },
      schema: {
        operationId: 'compareSnapshot',
        tags: ['snapshots'],
        description:
          'What differs in the source now: by table, and row by row with the fields that changed. The summary is on the first page.',
        params: SnapshotParams,
        querystring: ChangesQuery,
        response: { 200: Type.Ref('PendingChanges') },
      },
    },
    async (request, reply) => {
      const snapshot = await concernedSnapshot(app, request, request.params.id)
      const { comparedAt, changes, ...rest } = await compareSnapshot(
        app,
        snapshot,
        request.query,
        whileConnected(reply),
      )
      return { snapshotId: snapshot.id, comparedAt: comparedAt.toISOString(), items: changes, ...rest }
    },
  )
}

export default contentRoutes
