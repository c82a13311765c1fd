import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { create as contentDisposition } from 'content-disposition'
import type { FastifyRequest } from 'fastify'
import plugin from 'fastify-plugin'
import Type from 'typebox'
import { causeOf } from './actor.ts'
import { appendAudit, useClock } from './append-audit.ts'
import { AuditEntry } from './audit-entry.ts'
import checkRoutes from './check-routes.ts'
import { auditProblems } from './errors.ts'
import { listAudit } from './list-audit.ts'
import pages from './pages.ts'
import { entriesInOrder } from './queries.ts'
import recordRefusals from './record-refusals.ts'
import {
  AuditEntrySchema,
  AuditList,
  AuditQuery,
  presentEntry,
  Verification,
  VerificationQuery,
} from './schemas.ts'
import { verifyAudit, type Head, type PublishedHead } from './verify-audit.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Says where the newest head that was published is found. */
    tellPublishedHead(look: () => Promise<PublishedHead | null>): void
    /** The newest head that was published; null when none was, or it can't be read now. */
    publishedHead(): Promise<PublishedHead | null>
  }
}

const routes: FastifyPluginAsyncTypebox = async (app) => {
  useClock(app.orm.em, app.clock)
  app.addProblems(auditProblems)
  app.addSchema(AuditEntrySchema)
  app.addSchema(Verification)
  let lookUp: () => Promise<PublishedHead | null> = async () => null
  app.decorate('tellPublishedHead', (look) => void (lookUp = look))
  app.decorate('publishedHead', () => lookUp())
  await app.register(recordRefusals)
  await app.register(checkRoutes)
  await app.register(pages)

  app.get(
    '/api/audit',
    {
      config: { permission: 'audit:list' },
      schema: {
        operationId: 'listAuditEntries',
        tags: ['audit'],
        querystring: AuditQuery,
        response: { 200: AuditList },
      },
    },
    async ({ query: { cursor, limit, ...filter } }) => {
      const { entries, nextCursor } = await listAudit(app.orm.em, filter, {
        ...(cursor && { cursor }),
        limit,
      })
      return { items: entries.map(presentEntry), nextCursor }
    },
  )

  app.get(
    '/api/audit/:id',
    {
      config: { permission: 'audit:list' },
      schema: {
        operationId: 'getAuditEntry',
        tags: ['audit'],
        params: Type.Object({ id: Type.String({ format: 'uuid' }) }, { additionalProperties: false }),
        response: { 200: Type.Ref('AuditEntry') },
      },
    },
    async ({ params: { id } }) => {
      const entry = await app.orm.em.findOne(AuditEntry, { id })
      if (entry === null) throw auditProblems.AUDIT_ENTRY_NOT_FOUND(`No audit entry has the id ${id}.`)
      return presentEntry(entry)
    },
  )

  app.get(
    '/api/audit/verification',
    {
      config: { permission: 'audit:verify' },
      schema: {
        operationId: 'verifyAudit',
        tags: ['audit'],
        description:
          'Recomputes every hash of the chain before it answers, and compares it with `head`, or with the newest head in the store. For a long log start a check instead: POST /api/audit/verifications. `npm run verify-audit` does the same without this service.',
        querystring: VerificationQuery,
        response: { 200: Type.Ref('AuditVerification') },
      },
    },
    async ({ query: { head } }) => {
      const published = head === undefined ? await app.publishedHead() : parseHead(head)
      const verification = await verifyAudit(app.orm.em, published)
      return { ...verification, published, checkedAt: app.clock.now().toISOString() }
    },
  )

  app.get(
    '/api/audit/download',
    {
      config: { permission: 'audit:download' },
      schema: {
        operationId: 'downloadAudit',
        tags: ['audit'],
        description:
          'The whole chain, first entry first, one JSON document per line. `npm run verify-audit` checks it.',
        response: {
          200: { content: { 'application/x-ndjson': { schema: Type.Unsafe<Readable>(Type.String()) } } },
        },
      },
    },
    async (request, reply) => {
      if (request.method === 'GET') await recordDownload(request)
      const day = app.clock.now().toISOString().slice(0, 10)
      return reply
        .type('application/x-ndjson; charset=utf-8')
        .header('content-disposition', contentDisposition(`holdfast-audit-${day}.ndjson`))
        .send(Readable.from(lines(app.orm.em.fork()), { objectMode: false }))
    },
  )
}

export default plugin(routes, { name: 'audit', dependencies: ['problem-answers'] })

async function recordDownload(request: FastifyRequest): Promise<void> {
  const entry = { ...causeOf(request), action: 'audit.downloaded', entityType: 'audit', entityIds: [] }
  await request.server.orm.em.transactional((em) => appendAudit(em, entry))
}

function parseHead(text: string): Head {
  const [seq = '', hash = ''] = text.split(':')
  return { seq: Number(seq), hash }
}

async function* lines(em: Parameters<typeof entriesInOrder>[0]): AsyncGenerator<string> {
  for await (const entry of entriesInOrder(em)) yield `${JSON.stringify(presentEntry(entry))}\n`
}
