import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import Type, { type Static } from 'typebox'
import { causeOf, type Actor } from '../audit/actor.ts'
import type { Dataset } from '../datasets/definition.ts'
import { usableDatasets } from '../datasets/open-datasets.ts'
import { previewScope } from '../datasets/preview-scope.ts'
import { chosenScope, scopeLink } from '../datasets/scope-link.ts'
import { parseScope, type Scope } from '../datasets/scope.ts'
import { invalidField } from '../datasets/typed-keys.ts'
import { describeVerdict } from '../gates/describe-verdict.ts'
import { judgeGate } from '../gates/judge-gate.ts'
import { startOfDay } from '../platform/filters.ts'
import { answerForm, formRoute, type Shown } from '../platform/forms.ts'
import { form } from '../platform/validation.ts'
import { tableNodes } from '../snapshots/capture.ts'
import { fileName } from '../snapshots/file-names.ts'
import { scopeFields, scopeOfForm, whenClear } from '../snapshots/scope-form.ts'
import { rangeNames, usualRanges } from './ranges.ts'
import { fileKind, formats, type ExportFormat } from './rendering.ts'
import { requestExport } from './request-export.ts'
import { waitUntilFinished } from './requests.ts'

const closed = { additionalProperties: false } as const

/** Besides the kinds of scope, the usual ranges by name. */
const which = Type.Enum([...scopeFields.which.enum, ...rangeNames])

const choices = {
  format: Type.Enum([...formats]),
  includeChildren: Type.Optional(Type.Boolean()),
  title: Type.Optional(Type.String({ maxLength: 200 })),
  expires: Type.Optional(Type.Enum(['rule', 'never', 'day'])),
  expiresOn: Type.Optional(Type.String({ format: 'date' })),
  skipSnapshotCheck: Type.Optional(Type.Boolean()),
}

const NewQuery = Type.Object(
  { ...scopeLink, ...choices, which: Type.Optional(which), format: Type.Optional(choices.format) },
  closed,
)

const RequestForm = Type.Object(
  { dataset: Type.String({ maxLength: 100 }), ...scopeFields, which, ...choices },
  { ...closed, ...form },
)

type Asked = Static<typeof RequestForm>

/** What the form shows of it. */
type Fields = { [Name in keyof Asked]?: Asked[Name] | undefined }

/** Most exports are finished within this time, in seconds: then there is no page in between that says so. */
const shortWait = 1

/** Making an export: the form, what it would give, and having it made. */
const requestPage: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/exports/new',
    { config: { permission: 'exports:create' }, schema: { hide: true, querystring: NewQuery } },
    async (request, reply) => {
      const { actor, query } = request
      const { keys: _lines, ...fields } = query
      request.showAgain = (problem) => showForm(app, actor, reply, { typed: fields, problem })
      return showForm(app, actor, reply, { typed: await typedOf(app, actor, query) })
    },
  )

  app.post(
    '/exports',
    { ...formRoute, config: { permission: 'exports:create' }, schema: { hide: true, body: RequestForm } },
    async (request, reply) =>
      answerForm(
        request,
        async () => {
          const exported = await requestExport(app, wantedOf(app, request.body), causeOf(request))
          await waitUntilFinished(app, exported, shortWait)
          return reply.leadTo(`/exports/${exported.id}`)
        },
        (shown) => showForm(app, request.actor, reply, shown),
      ),
  )
}

export default requestPage

/** The form's fields from a link; without a choice of format it is a link from another page, and children come along. */
async function typedOf(app: FastifyInstance, actor: Actor, query: Static<typeof NewQuery>): Promise<Fields> {
  const { all: _all, q: _q, keys: _lines, which: chosen, ...fields } = query
  const { which: _which, ...link } = query
  const range = rangeNames.find((name) => name === chosen)
  const kind = range === undefined && chosen !== undefined ? { which: chosen as Kind } : {}
  const scope = await chosenScope(app, actor, { ...link, ...kind })
  const { includeChildren = query.format === undefined } = query
  return { ...fields, ...scope, includeChildren, ...(range !== undefined && { which: range }) }
}

type Kind = (typeof scopeFields.which.enum)[number]

function wantedOf(app: FastifyInstance, fields: Asked) {
  const { format, title, includeChildren = false, skipSnapshotCheck, expires = 'rule', expiresOn } = fields
  if (expires === 'day' && expiresOn === undefined) throw invalidField('expiresOn', 'is required: a day')
  const dataset = app.datasets.get(fields.dataset)
  return {
    dataset: dataset.name,
    scope: askedScope(app, dataset, fields),
    ...{ format, includeChildren },
    ...(title !== undefined && { title }),
    ...(skipSnapshotCheck !== undefined && { skipSnapshotCheck }),
    ...(expires === 'never' && { expiresAt: null }),
    ...(expires === 'day' && { expiresAt: new Date(startOfDay(expiresOn!)) }),
  }
}

/** The scope as the API takes it; a usual range is that of today. */
function askedScope({ clock }: FastifyInstance, { timezone, root }: Dataset, fields: Fields): object {
  const range = usualRanges(clock.now(), timezone).find(({ name }) => name === fields.which)
  if (range !== undefined) return { from: range.from, to: range.to }
  return scopeOfForm({ ...fields, which: (fields.which ?? 'all') as Kind }, root.key)
}

async function showForm(
  app: FastifyInstance,
  actor: Actor,
  reply: FastifyReply,
  { typed, problem }: Shown,
): Promise<string> {
  const fields = (typed ?? {}) as Fields
  const datasets = usableDatasets(app.datasets, actor)
  const chosen = datasets.find(({ name }) => name === fields.dataset) ?? datasets[0]
  const dataset = chosen === undefined ? null : app.datasets.get(chosen.name)
  return reply.page('exports/new', {
    title: 'Make export',
    backTo: '/exports/new',
    datasets,
    dataset: dataset && describe(app, actor, dataset),
    preview: dataset && (await previewOf(app, actor, dataset, fields)),
    typed: fields,
    problem,
  })
}

/** What the form offers for a dataset. A member exports single records only, so ranges are none of theirs. */
function describe(
  { clock }: FastifyInstance,
  actor: Actor,
  { name, title, timezone, root, policies }: Dataset,
) {
  const { formats: allowed = formats, expireAfter } = policies.export ?? {}
  const isDated = root.dates !== null && actor.role !== 'member'
  return {
    ...{ name, title, timezone, expireAfter },
    formats: allowed,
    children: root.children.map(({ as }) => as),
    ranges: isDated ? usualRanges(clock.now(), timezone) : [],
  }
}

/**
 * What an export would hold, what its file would be called, and whether the gate is open for it.
 * @returns null while it isn't clear yet which records are meant
 */
async function previewOf(app: FastifyInstance, actor: Actor, dataset: Dataset, fields: Fields) {
  const scope = whenClear(() => parseScope(askedScope(app, dataset, fields), dataset, ''))
  if (scope === null) return null
  const count = await previewScope(app, actor, dataset, scope)
  const gate = count && (await judgeGate(app, dataset, scope, 'export', actor))
  return {
    ...{ scope, count },
    gate: gate && describeVerdict(gate),
    fileName: nameOf(app, dataset, scope, fields),
  }
}

function nameOf({ clock }: FastifyInstance, dataset: Dataset, scope: Scope, fields: Fields): string {
  const [first = 'json'] = dataset.policies.export?.formats ?? formats
  const format: ExportFormat = fields.format ?? first
  const tables = fields.includeChildren ? tableNodes(dataset.root).length : 1
  return fileName(dataset.name, scope, clock.now(), fileKind(format, tables).extension)
}
