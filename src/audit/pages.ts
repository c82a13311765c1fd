import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { DayFilter, TextFilter } from '../platform/filters.ts'
import { filterOf, ListPageQuery, listOf } from '../platform/list-page.ts'
import type { PageQuery } from '../platform/read-page.ts'
import { sendCsv } from '../platform/send-csv.ts'
import { form } from '../platform/validation.ts'
import { causeOf } from './actor.ts'
import { auditCsv } from './audit-csv.ts'
import { AuditEntry } from './audit-entry.ts'
import { hashedText } from './chain.ts'
import { auditProblems } from './errors.ts'
import { latestChecks, presentCheck, progressOf, waitUntilChecked } from './find-checks.ts'
import { auditSorting, listAudit } from './list-audit.ts'
import { presentEntry } from './schemas.ts'
import { startCheck } from './start-check.ts'

const closed = { additionalProperties: false } as const
const outcomes = ['done', 'refused', 'failed'] as const

const Query = ListPageQuery(
  {
    actor: TextFilter,
    action: TextFilter,
    dataset: TextFilter,
    entityType: TextFilter,
    entityId: TextFilter,
    requestId: TextFilter,
    outcome: Type.Optional(Type.Enum([...outcomes])),
    from: DayFilter,
    to: DayFilter,
  },
  auditSorting,
)

const EntryParams = Type.Object({ id: Type.String({ format: 'uuid' }) }, closed)
const NoForm = Type.Union([Type.Object({}, closed), Type.Null()], form)

const pageSize = 50

/** How many checks the page of the chain lists. */
const checksShown = 10

/** A log of some ten thousand entries is checked within this time, in seconds. */
const shortWait = 2

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
      const { sort, cursor } = query
      const read = async ({ limit = pageSize, ...page }: PageQuery) => {
        const { entries, nextCursor } = await listAudit(app.orm.em.fork(), filterOf(query), {
          ...{ limit, sort },
          ...page,
        })
        return { items: entries, nextCursor }
      }
      if (query.format === 'csv') return sendCsv(reply, 'audit', auditCsv, read)
      const { items, nextCursor } = await read({ cursor })
      return reply.page('audit/list', {
        title: 'Audit log',
        items: items.map(presentEntry),
        outcomes,
        ...listOf('/audit', query, auditSorting, { nextCursor }),
      })
    },
  )

  app.get(
    '/audit/:id',
    { config: { permission: 'audit:list' }, schema: { hide: true, params: EntryParams } },
    async ({ params: { id } }, reply) => {
      const { em } = app.orm
      const entry = await em.findOne(AuditEntry, { id })
      if (entry === null) throw auditProblems.AUDIT_ENTRY_NOT_FOUND(`No audit entry has the id ${id}.`)
      const around = await em.find(AuditEntry, { seq: { $in: [entry.seq - 1, entry.seq + 1] } })
      const presented = presentEntry(entry)
      const { before, after, ...rest } = presented.metadata
      return reply.page('audit/show', {
        title: entry.action,
        entry: presented,
        changes: changesBetween(before, after),
        metadata: isFacts(before) && isFacts(after) ? rest : presented.metadata,
        hashed: hashedText(entry),
        previous: around.find(({ seq }) => seq < entry.seq),
        next: around.find(({ seq }) => seq > entry.seq),
      })
    },
  )

  app.get(
    '/audit/verification',
    { config: { permission: 'audit:verify' }, schema: { hide: true } },
    async (_request, reply) => {
      const checks = await latestChecks(app.orm.em, checksShown)
      const [latest] = checks
      const running = latest?.finishedAt === null ? latest : null
      const [last] = await app.orm.em.find(AuditEntry, {}, { orderBy: { seq: 'desc' }, limit: 1 })
      return reply.page('audit/verification', {
        title: 'Audit chain',
        backTo: '/audit/verification',
        checks: checks.filter(({ finishedAt }) => finishedAt !== null).map(presentCheck),
        running: running && presentCheck(running),
        progress: running && progressOf(running, app.clock.now()),
        refresh: running !== null,
        published: await app.publishedHead(),
        entries: last?.seq ?? 0,
      })
    },
  )

  app.post(
    '/audit/verifications',
    { config: { permission: 'audit:verify' }, schema: { hide: true, body: NoForm } },
    async (request, reply) => {
      await waitUntilChecked(app, await startCheck(app, causeOf(request)), shortWait)
      return reply.leadTo('/audit/verification')
    },
  )
}

export default pages

function isFacts(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Where an entry says what was before and after: field by field. */
function changesBetween(before: unknown, after: unknown) {
  if (!isFacts(before) || !isFacts(after)) return []
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  return names.map((name) => ({
    name,
    before: before[name],
    after: after[name],
    isSame: JSON.stringify(before[name]) === JSON.stringify(after[name]),
  }))
}
