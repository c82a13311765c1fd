import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { url } from '../platform/components.ts'
import { DayFilter, FilterQuery, pagesOf, startOfDay, TextFilter } from '../platform/filters.ts'
import { AuditEntry } from './audit-entry.ts'
import { auditProblems } from './errors.ts'
import { listAudit } from './list-audit.ts'
import { presentEntry } from './schemas.ts'
import { verifyAudit } from './verify-audit.ts'

const outcomes = ['done', 'refused', 'failed'] as const

const Query = FilterQuery({
  actor: TextFilter,
  action: TextFilter,
  dataset: TextFilter,
  entityType: TextFilter,
  entityId: TextFilter,
  requestId: TextFilter,
  outcome: Type.Optional(Type.Enum([...outcomes])),
  from: DayFilter,
  to: DayFilter,
})

const pageSize = 50

/** The pages of the audit log: the list, one entry, and the check of the whole chain. */
const pages: FastifyPluginAsyncTypebox = async (app) => {
  app.addNavigation({
    group: 'Record',
    label: 'Audit log',
    path: '/audit',
    icon: 'audit',
    key: 'a',
    permission: 'audit:list',
  })

  app.get(
    '/audit',
    { config: { permission: 'audit:list' }, schema: { hide: true, querystring: Query } },
    async ({ query }, reply) => {
      const { cursor, from, to, ...words } = query
      const filter = { ...words, ...(from && { from: startOfDay(from) }), ...(to && { to: startOfDay(to) }) }
      const page = { limit: pageSize, ...(cursor !== undefined && { cursor }) }
      const { entries, nextCursor } = await listAudit(app.orm.em, filter, page)
      return reply.page('audit/list', {
        title: 'Audit log',
        items: entries.map(presentEntry),
        filter: query,
        filtered: Object.keys(filter).length > 0,
        outcomes,
        pages: pagesOf((more) => url('/audit', more), query, nextCursor),
      })
    },
  )

  app.get(
    '/audit/:id',
    {
      config: { permission: 'audit:list' },
      schema: {
        hide: true,
        params: Type.Object({ id: Type.String({ format: 'uuid' }) }, { additionalProperties: false }),
      },
    },
    async ({ params: { id } }, reply) => {
      const entry = await app.orm.em.findOne(AuditEntry, { id })
      if (entry === null) throw auditProblems.AUDIT_ENTRY_NOT_FOUND(`No audit entry has the id ${id}.`)
      return reply.page('audit/show', { title: entry.action, entry: presentEntry(entry) })
    },
  )

  app.get(
    '/audit/verification',
    { config: { permission: 'audit:verify' }, schema: { hide: true } },
    async (_request, reply) => {
      const published = await app.publishedHead()
      const verification = await verifyAudit(app.orm.em, published)
      return reply.page('audit/verification', { title: 'Audit chain', verification, published })
    },
  )
}

export default pages
