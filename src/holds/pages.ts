import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import Type from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { keysOfLines } from '../datasets/typed-keys.ts'
import { url } from '../platform/components.ts'
import { FilterQuery, pagesOf, TextFilter } from '../platform/filters.ts'
import { answerForm, formRoute, type Shown } from '../platform/forms.ts'
import { form } from '../platform/validation.ts'
import { findHold } from './find-holds.ts'
import { holdRecord } from './hold-record.ts'
import { liftHold } from './lift-hold.ts'
import { listHolds, type HoldsQuery } from './list-holds.ts'
import { presentHold } from './present-hold.ts'
import { HoldParams } from './schemas.ts'

const closed = { additionalProperties: false } as const

const ListQuery = FilterQuery({ dataset: TextFilter, key: TextFilter })

const HoldForm = Type.Object(
  {
    dataset: Type.String({ minLength: 1, maxLength: 100 }),
    key: Type.String({ minLength: 1, maxLength: 2000 }),
    reason: Type.String({ minLength: 1, maxLength: 1000 }),
  },
  { ...closed, ...form },
)

const NoForm = Type.Union([Type.Object({}, closed), Type.Null()], form)

/** The page of holds: which records are held and why, one more, one less. */
const pages: FastifyPluginAsyncTypebox = async (app) => {
  app.addNavigation({
    group: 'Upkeep',
    label: 'Holds',
    path: '/holds',
    icon: 'lock',
    key: 'h',
    permission: 'holds:list',
  })

  app.get(
    '/holds',
    { config: { permission: 'holds:list' }, schema: { hide: true, querystring: ListQuery } },
    async ({ query }, reply) => show(app, reply, query),
  )

  app.post(
    '/holds',
    { ...formRoute, config: { permission: 'holds:create' }, schema: { hide: true, body: HoldForm } },
    async (request, reply) =>
      answerForm(
        request,
        async () => {
          const { dataset, key, reason } = request.body
          const [typed] = keysOfLines(key, app.datasets.get(dataset).root.key)
          await holdRecord(app, { dataset, key: typed, reason }, causeOf(request))
          return reply.leadTo('/holds')
        },
        (shown) => show(app, reply, {}, shown),
      ),
  )

  app.post(
    '/holds/:id/lifting',
    {
      ...formRoute,
      config: { permission: 'holds:delete' },
      schema: { hide: true, params: HoldParams, body: NoForm },
    },
    async (request, reply) => {
      const { id } = await findHold(app.orm.em.fork(), request.params.id)
      await liftHold(app, id, causeOf(request))
      return reply.leadTo('/holds', 'Lifted.')
    },
  )
}

export default pages

async function show(
  app: FastifyInstance,
  reply: FastifyReply,
  query: HoldsQuery,
  shown: Shown = {},
): Promise<string> {
  const { holds, nextCursor } = await listHolds(app, query)
  return reply.page('holds/list', {
    title: 'Holds',
    items: holds.map((hold) => presentHold(hold, app.clock.now())),
    filtered: query.dataset !== undefined,
    datasets: app.datasets.list().filter(({ problems }) => problems.length === 0),
    pages: pagesOf((more) => url('/holds', more), { ...query }, nextCursor),
    ...shown,
  })
}
