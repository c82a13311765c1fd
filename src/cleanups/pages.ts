import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type, { type Static } from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { chosenScope, scopeLink } from '../datasets/scope-link.ts'
import { parseScope } from '../datasets/scope.ts'
import { judgeGate } from '../gates/judge-gate.ts'
import { answerForm, formRoute, type Shown } from '../platform/forms.ts'
import { requireTypedName } from '../platform/typed-name.ts'
import { form } from '../platform/validation.ts'
import { scopeFields, scopeOfForm } from '../snapshots/scope-form.ts'
import cleanupPage, { shortWait } from './cleanup-page.ts'
import { targets } from './cleanup.ts'
import { describePreview } from './describe-preview.ts'
import itemsPage from './items-page.ts'
import listPage from './list-page.ts'
import { previewCleanup, requestCleanup } from './request-cleanup.ts'
import { waitUntilOver } from './requests.ts'
import { deadlineOf } from './typed-deadline.ts'
import { leftWords } from './warnings.ts'

const closed = { additionalProperties: false } as const

const Short = Type.Optional(Type.String({ maxLength: 20 }))

const NewQuery = Type.Object(
  { ...scopeLink, target: Type.Optional(Type.Enum([...targets])), dueAt: Short, time: Short },
  closed,
)

const CleanupForm = Type.Object(
  {
    dataset: Type.String({ minLength: 1, maxLength: 100 }),
    target: Type.Enum([...targets]),
    ...scopeFields,
    planHash: Type.Optional(Type.String({ maxLength: 100 })),
    confirmation: Type.Optional(Type.String({ maxLength: 200 })),
    dueAt: Short,
    time: Short,
    skipSnapshotCheck: Type.Optional(Type.Boolean()),
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
  await app.register(itemsPage)

  app.get(
    '/cleanups/new',
    { config: { permission: 'cleanups:create' }, schema: { hide: true, querystring: NewQuery } },
    async ({ actor, query }, reply) => {
      const { dataset, target, dueAt, time } = query
      const chosen = await chosenScope(app, actor, query)
      return showForm(app, reply, { typed: { dataset, target, dueAt, time, ...chosen } })
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
  const due = fields.dueAt === undefined ? {} : { dueAt: deadlineOf(fields.dueAt, fields.time) }
  const { skipSnapshotCheck = false } = fields
  const wanted = { ...wantedOf(app, fields), planHash, skipSnapshotCheck, ...due }
  const cleanup = await requestCleanup(app, wanted, causeOf(request))
  await waitUntilOver(app, cleanup, shortWait)
  return reply.leadTo(`/cleanups/${cleanup.id}`)
}

function showForm(app: FastifyInstance, reply: FastifyReply, shown: Shown): Promise<string> {
  return reply.page('cleanups/new', {
    title: 'Clean up',
    backTo: '/cleanups/new',
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
  const { confirmation: _typed, planHash: _old, dueAt, time, skipSnapshotCheck, ...asked } = fields
  const dataset = app.datasets.get(wanted.dataset)
  const scope = parseScope(wanted.scope, dataset)
  return reply.page('cleanups/preview', {
    title: 'What would be removed',
    backTo: '/cleanups/new',
    preview: describePreview(wanted.target, preview),
    leftWords,
    ...{ dataset, target: wanted.target, scope, asked, dueAt, time, skipSnapshotCheck },
    gate: await judgeGate(app, dataset, scope, 'cleanup', request.actor),
    ...shown,
  })
}
