import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import Type from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { invalidField, keysOfLines, lineOfKey } from '../datasets/typed-keys.ts'
import { answerForm, formRoute, type Shown } from '../platform/forms.ts'
import { form } from '../platform/validation.ts'
import { findHold } from './find-holds.ts'
import { holdRecord } from './hold-record.ts'
import { liftHold } from './lift-hold.ts'
import { presentHold } from './present-hold.ts'
import { HoldParams } from './schemas.ts'

const closed = { additionalProperties: false } as const

const NewQuery = Type.Object(
  {
    dataset: Type.Optional(Type.String({ maxLength: 100 })),
    key: Type.Optional(Type.String({ maxLength: 2000 })),
  },
  closed,
)

const HoldForm = Type.Object(
  {
    dataset: Type.String({ minLength: 1, maxLength: 100 }),
    key: Type.String({ minLength: 1, maxLength: 2000 }),
    reason: Type.String({ minLength: 1, maxLength: 1000 }),
    until: Type.Optional(Type.String({ maxLength: 20 })),
  },
  { ...closed, ...form },
)

const NoForm = Type.Union([Type.Object({}, closed), Type.Null()], form)

/** The pages of one hold: putting a record on hold, what is held and why, and lifting that. */
const holdPage: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/holds/new',
    { config: { permission: 'holds:create' }, schema: { hide: true, querystring: NewQuery } },
    async ({ query }, reply) => showForm(app, reply, { typed: query }),
  )

  app.post(
    '/holds',
    { ...formRoute, config: { permission: 'holds:create' }, schema: { hide: true, body: HoldForm } },
    async (request, reply) =>
      answerForm(
        request,
        async () => {
          const { dataset, key, reason, until } = request.body
          const [typed] = keysOfLines(key, app.datasets.get(dataset).root.key)
          const wanted = { dataset, key: typed, reason, until: until === undefined ? null : dayOf(until) }
          const { id } = await holdRecord(app, wanted, causeOf(request))
          return reply.leadTo(`/holds/${id}`, 'The record is on hold.')
        },
        (shown) => showForm(app, reply, shown),
      ),
  )

  app.get(
    '/holds/:id',
    { config: { permission: 'holds:list' }, schema: { hide: true, params: HoldParams } },
    async (request, reply) => {
      const hold = presentHold(await findHold(app.orm.em.fork(), request.params.id), app.clock.now())
      const dataset = app.datasets.list().find(({ name }) => name === hold.dataset)
      return reply.page('holds/show', {
        title: `Hold on ${lineOfKey(hold.key)}`,
        entity: { type: 'hold', id: hold.id },
        hold,
        keyText: lineOfKey(hold.key),
        dataset: { name: hold.dataset, title: dataset?.title ?? hold.dataset },
      })
    },
  )

  app.post(
    '/holds/:id/lifting',
    {
      ...formRoute,
      config: { permission: 'holds:delete' },
      schema: { hide: true, params: HoldParams, body: NoForm },
    },
    async (request, reply) => {
      const { id, dataset } = await findHold(app.orm.em.fork(), request.params.id)
      request.concern = { entityType: 'hold', entityIds: [id], dataset }
      await liftHold(app, id, causeOf(request))
      return reply.leadTo('/holds', 'The hold is lifted.')
    },
  )
}

export default holdPage

function showForm(app: FastifyInstance, reply: FastifyReply, shown: Shown): Promise<string> {
  return reply.page('holds/new', {
    title: 'Put a record on hold',
    backTo: '/holds/new',
    datasets: app.datasets.list().filter(({ problems }) => problems.length === 0),
    ...shown,
  })
}

/** The beginning of a day in UTC. */
function dayOf(day: string): Date {
  const date = /^\d{4}-\d\d-\d\d$/.test(day) ? new Date(`${day}T00:00:00Z`) : new Date(Number.NaN)
  if (Number.isNaN(date.getTime())) throw invalidField('until', 'must be a day such as 2026-12-31')
  return date
}
