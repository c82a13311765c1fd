import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type, { type Static } from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { chosenScope, scopeLink } from '../datasets/scope-link.ts'
import { answerForm, formRoute, type Shown } from '../platform/forms.ts'
import { requireTypedName } from '../platform/typed-name.ts'
import { form } from '../platform/validation.ts'
import { scopeFields, scopeOfForm } from '../snapshots/scope-form.ts'
import cleanupPage, { dayOf, shortWait } from './cleanup-page.ts'
import { targets } from './cleanup.ts'
import { describePreview } from './describe-preview.ts'
import listPage from './list-page.ts'
import { previewCleanup, requestCleanup } from './request-cleanup.ts'
import { waitUntilOver } from './requests.ts'

const closed = { additionalProperties: false } as const

const NewQuery = Type.Object(scopeLink, closed)

const CleanupForm = Type.Object(
  {
    dataset: Type.String({ minLength: 1, maxLength: 100 }),
    target: Type.Enum([...targets]),
    ...scopeFields,
    planHash: Type.Optional(Type.String({ maxLength: 100 })),
    confirmation: Type.Optional(Type.String({ maxLength: 200 })),
    day: Type.Optional(Type.String({ maxLength: 20 })),
  },
  { ...closed, ...form },
)

/** The pages of cleanups: what waits and what was done, and the way to a new one; see cleanup-page.ts for one of them. */
const pages: FastifyPluginAsyncTypebox = async (app) => {
  app.addNavigation({
    group: 'Upkeep',
    label: 'Cleanups',
    path: '/cleanups',
    icon: 'trash',
    key: 'c',
    permission: 'cleanups:list',
  })
  await app.register(listPage)
  await app.register(cleanupPage)

  app.get(
    '/cleanups/new',
    { config: { permission: 'cleanups:create' }, schema: { hide: true, querystring: NewQuery } },
    async ({ actor, query }, reply) => {
      const { dataset } = query
      return showForm(app, reply, { typed: { dataset, ...(await chosenScope(app, actor, query)) } })
    },
  )

  app.post(
    '/cleanups',
    { ...formRoute, config: { permission: 'cleanups:create' }, schema: { hide: true, body: CleanupForm } },
    async (request, reply) => {
      const { planHash } = request.body
      if (request.validationError || planHash === undefined)
        return answerForm(
          request,
          () => showPreview(app, reply, request, request.body),
          (shown) => showForm(app, reply, shown),
        )
      return answerForm(
        request,
        () => confirm(app, reply, request, request.body, planHash),
        (shown) => showPreview(app, reply, request, request.body, shown),
      )
    },
  )
}

export default pages

type Fields = Static<typeof CleanupForm>

function wantedOf(app: FastifyInstance, fields: Fields) {
  const { dataset, target } = fields
  return { dataset, target, scope: scopeOfForm(fields, app.datasets.get(dataset).root.key) }
}

async function confirm(
  app: FastifyInstance,
  reply: FastifyReply,
  request: FastifyRequest,
  fields: Fields,
  planHash: string,
) {
  requireTypedName(fields.confirmation, fields.dataset)
  const due = fields.day === undefined ? {} : { dueAt: dayOf(fields.day) }
  const cleanup = await requestCleanup(app, { ...wantedOf(app, fields), planHash, ...due }, causeOf(request))
  await waitUntilOver(app, cleanup, shortWait)
  return reply.leadTo(`/cleanups/${cleanup.id}`)
}

function showForm(app: FastifyInstance, reply: FastifyReply, shown: Shown): Promise<string> {
  return reply.page('cleanups/new', {
    title: 'Clean up',
    datasets: app.datasets.list().filter(({ problems }) => problems.length === 0),
    ...shown,
  })
}

async function showPreview(
  app: FastifyInstance,
  reply: FastifyReply,
  request: FastifyRequest,
  fields: Fields,
  shown: Shown = {},
): Promise<string> {
  const wanted = wantedOf(app, fields)
  const preview = await previewCleanup(app, wanted, causeOf(request))
  const { confirmation: _typed, planHash: _old, day, ...asked } = fields
  return reply.page('cleanups/preview', {
    title: 'What would be removed',
    backTo: '/cleanups/new',
    preview: describePreview(wanted.target, preview),
    dataset: app.datasets.get(wanted.dataset),
    target: wanted.target,
    asked,
    day,
    ...shown,
  })
}
