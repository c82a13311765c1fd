import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import Type, { type Static } from 'typebox'
import { causeOf, type Actor } from '../audit/actor.ts'
import { usableDatasets } from '../datasets/open-datasets.ts'
import { previewScope } from '../datasets/preview-scope.ts'
import { chosenScope, scopeLink, type ChosenScope } from '../datasets/scope-link.ts'
import { parseScope } from '../datasets/scope.ts'
import { invalidField } from '../datasets/typed-keys.ts'
import { durationPattern } from '../platform/durations.ts'
import { startOfDay } from '../platform/filters.ts'
import { answerForm, formRoute, type Shown } from '../platform/forms.ts'
import { form } from '../platform/validation.ts'
import { findNearest } from './find-covering.ts'
import { waitUntilFinished } from './requests.ts'
import { scopeFields, scopeOfForm, whenClear } from './scope-form.ts'
import { takeSnapshot } from './take-snapshot.ts'

const closed = { additionalProperties: false } as const

const Text = Type.Optional(Type.String({ maxLength: 2000 }))

const NewQuery = Type.Object(
  { ...scopeLink, title: Text, note: Text, expires: Text, expiresOn: Text, reuseWithin: Text },
  closed,
)

/** How young a snapshot that is there already must be, to be as good as a new one. */
const reuses = ['15m', '1h', '1d'] as const

const TakeForm = Type.Object(
  {
    dataset: Type.String({ maxLength: 100 }),
    ...scopeFields,
    title: Type.Optional(Type.String({ maxLength: 200 })),
    note: Type.Optional(Type.String({ maxLength: 2000 })),
    expires: Type.Optional(Type.Enum(['rule', 'never', 'day'])),
    expiresOn: Type.Optional(Type.String({ format: 'date' })),
    reuseWithin: Type.Optional(Type.String({ pattern: durationPattern })),
  },
  { ...closed, ...form },
)

type Fields = Static<typeof TakeForm>

/** Most snapshots are finished within this time, in seconds: then there is no page in between that says so. */
const shortWait = 1

/** Taking a snapshot: the form, what it would hold, and having it taken. */
const takePage: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/snapshots/new',
    { config: { permission: 'snapshots:create' }, schema: { hide: true, querystring: NewQuery } },
    async (request, reply) => {
      const { actor, query } = request
      const show = (shown: Shown) => showForm(app, actor, reply, shown)
      request.showAgain = (problem) => show({ typed: query, problem })
      const { keys: _lines, ...fields } = query
      const typed = { ...fields, ...(await chosenScope(app, actor, query)) }
      return showForm(app, actor, reply, { typed }, await previewOf(app, actor, typed))
    },
  )

  app.post(
    '/snapshots',
    { ...formRoute, config: { permission: 'snapshots:create' }, schema: { hide: true, body: TakeForm } },
    async (request, reply) =>
      answerForm(
        request,
        async () => {
          const { snapshot, reused } = await takeSnapshot(app, wantedOf(app, request.body), causeOf(request))
          if (reused)
            return reply.leadTo(`/snapshots/${snapshot.id}`, 'This one is fresh enough; no other was taken.')
          await waitUntilFinished(app, snapshot, shortWait)
          return reply.leadTo(`/snapshots/${snapshot.id}`)
        },
        (shown) => showForm(app, request.actor, reply, shown),
      ),
  )
}

export default takePage

function wantedOf(app: FastifyInstance, fields: Fields) {
  const { dataset, title, note, reuseWithin, expires = 'rule', expiresOn } = fields
  if (expires === 'day' && expiresOn === undefined) throw invalidField('expiresOn', 'is required: a day')
  return {
    dataset,
    scope: scopeOfForm(fields, app.datasets.get(dataset).root.key),
    ...(title !== undefined && { title }),
    ...(note !== undefined && { note }),
    ...(reuseWithin !== undefined && { reuseWithin }),
    ...(expires === 'never' && { expiresAt: null }),
    ...(expires === 'day' && { expiresAt: new Date(startOfDay(expiresOn!)) }),
  }
}

/**
 * What a snapshot would hold, and the one that holds it already.
 * @returns null while it isn't clear yet which records are meant
 */
async function previewOf(
  app: FastifyInstance,
  actor: Actor,
  { dataset: name, ...fields }: ChosenScope & { dataset?: string | undefined },
) {
  const chosen = name ?? usableDatasets(app.datasets, actor)[0]?.name
  if (chosen === undefined) return null
  const dataset = app.datasets.get(chosen)
  const scope = whenClear(() => parseScope(scopeOfForm(fields, dataset.root.key), dataset, ''))
  if (scope === null) return null
  const count = await previewScope(app, actor, dataset, scope)
  const nearest = actor.role === 'member' ? null : await findNearest(app.orm.em, dataset, scope)
  return { scope, count, covering: nearest?.lack === null ? nearest.snapshot : null }
}

function showForm(
  app: FastifyInstance,
  actor: Actor,
  reply: FastifyReply,
  shown: Shown,
  preview: Awaited<ReturnType<typeof previewOf>> | null = null,
): Promise<string> {
  return reply.page('snapshots/new', {
    title: 'Take snapshot',
    backTo: '/snapshots/new',
    datasets: usableDatasets(app.datasets, actor),
    reuses,
    preview,
    ...shown,
  })
}
