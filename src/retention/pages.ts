import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import Type, { type Static } from 'typebox'
import { requirePermission } from '../access/guard.ts'
import { causeOf } from '../audit/actor.ts'
import { url } from '../platform/components.ts'
import { FilterQuery, pagesOf } from '../platform/filters.ts'
import { answerForm, formRoute, type Shown } from '../platform/forms.ts'
import { form } from '../platform/validation.ts'
import { takeSnapshot } from '../snapshots/take-snapshot.ts'
import { backupMonths } from './backup-months.ts'
import { backupName, isBackedUp } from './backup-schedules.ts'
import { describeRetention } from './describe-retention.ts'
import { retentionName } from './plan-retention.ts'
import { rules } from './policy.ts'
import { RetentionParams } from './schemas.ts'
import { usableNames } from './usable-datasets.ts'

const ShowQuery = FilterQuery({
  verdict: Type.Optional(Type.Enum(['kept', 'goes'])),
  rule: Type.Optional(Type.Enum([...rules])),
})

const BackupForm = Type.Object(
  { month: Type.String({ maxLength: 20 }) },
  { additionalProperties: false, ...form },
)

const pageSize = 50

/** The pages of retention: what goes next, and why, of all datasets and of one. */
const pages: FastifyPluginAsyncTypebox = async (app) => {
  app.addNavigation({
    group: 'Upkeep',
    label: 'Retention',
    path: '/retention',
    icon: 'clock',
    key: 'o',
    permission: 'retention:view',
  })

  app.get(
    '/retention',
    { config: { permission: 'retention:view' }, schema: { hide: true } },
    async (_request, reply) => {
      const described = usableNames(app).map((name) =>
        describeRetention(app, app.datasets.get(name), { limit: 0 }),
      )
      const items = await Promise.all(described)
      return reply.page('retention/list', { title: 'Retention', items })
    },
  )

  app.get(
    '/retention/:dataset',
    {
      config: { permission: 'retention:view' },
      schema: { hide: true, params: RetentionParams, querystring: ShowQuery },
    },
    async ({ params, query }, reply) => show(app, reply, params.dataset, query),
  )

  app.post(
    '/retention/:dataset/backups',
    {
      ...formRoute,
      config: { permission: 'snapshots:create' },
      schema: { hide: true, params: RetentionParams, body: BackupForm },
    },
    async (request, reply) => {
      // Members take snapshots too, but of their own records, and this page shows everybody's.
      requirePermission(request, 'retention:view')
      const { dataset } = request.params
      return answerForm(
        request,
        async () => {
          const wanted = { dataset, scope: { month: request.body.month }, trigger: 'scheduled' } as const
          const { snapshot } = await takeSnapshot(app, wanted, causeOf(request))
          return reply.leadTo(`/snapshots/${snapshot.id}`, 'The backup is being taken.')
        },
        (shown) => show(app, reply, dataset, {}, shown),
      )
    },
  )
}

export default pages

async function show(
  app: FastifyInstance,
  reply: FastifyReply,
  name: string,
  query: Static<typeof ShowQuery>,
  shown: Shown = {},
): Promise<string> {
  const dataset = app.datasets.get(name)
  const retention = await describeRetention(app, dataset, { limit: pageSize, ...query })
  const path = `/retention/${encodeURIComponent(name)}`
  const { cursor: _, ...filter } = query
  return reply.page('retention/show', {
    title: `Retention of ${dataset.title}`,
    ...{ retention, path, filter, filtered: Object.keys(filter).length > 0 },
    months: await backupMonths(app, dataset),
    backupSchedule: isBackedUp(dataset) ? backupName(dataset) : null,
    recordsSchedule: retention.records?.enabled ? retentionName(dataset) : null,
    pages: pagesOf((more) => url(path, more), query, retention.snapshots.nextCursor),
    ...shown,
  })
}
