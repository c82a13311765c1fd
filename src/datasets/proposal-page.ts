import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import Type from 'typebox'
import { answerForm, formRoute, type Shown } from '../platform/forms.ts'
import { form } from '../platform/validation.ts'
import { readCatalog } from '../source/read-catalog.ts'
import { checkDraft, type CheckedDraft } from './check-draft.ts'
import { proposeDataset, type Proposal } from './propose.ts'

const closed = { additionalProperties: false } as const

const NewQuery = Type.Object({ source: Type.Optional(Type.String({ maxLength: 100 })) }, closed)

const ProposalForm = Type.Object(
  { source: Type.String({ maxLength: 100 }), table: Type.Optional(Type.String({ maxLength: 200 })) },
  { ...closed, ...form },
)

const CheckForm = Type.Object(
  { source: Type.String({ maxLength: 100 }), yaml: Type.String({ maxLength: 200_000 }) },
  { ...closed, ...form },
)

/** How many tables of a source the page lists. */
const listed = 500

/** Drafting a dataset from a table, and checking what was made of the draft. */
const proposalPage: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/datasets/proposals/new',
    { config: { permission: 'datasets:propose' }, schema: { hide: true, querystring: NewQuery } },
    async ({ query }, reply) => showProposal(app, reply, query.source, {}),
  )

  app.post(
    '/datasets/proposals',
    { ...formRoute, config: { permission: 'datasets:propose' }, schema: { hide: true, body: ProposalForm } },
    async (request, reply) =>
      answerForm(
        request,
        async () => {
          const { source, table = '' } = request.body
          const proposal = await propose(app, source, table)
          return showProposal(app, reply, source, { typed: request.body }, { proposal })
        },
        (shown) => showProposal(app, reply, sourceOf(shown), shown),
      ),
  )

  app.post(
    '/datasets/proposals/checks',
    { ...formRoute, config: { permission: 'datasets:propose' }, schema: { hide: true, body: CheckForm } },
    async (request, reply) =>
      answerForm(
        request,
        async () => {
          const { source, yaml } = request.body
          const checked = await checkDraft(app, yaml)
          const proposal = { name: checked.name, yaml }
          return showProposal(app, reply, source, { typed: { source } }, { proposal, checked })
        },
        (shown) => showProposal(app, reply, sourceOf(shown), shown),
      ),
  )
}

export default proposalPage

async function propose(app: FastifyInstance, source: string, table: string): Promise<Proposal> {
  const catalog = await app.datasets.source({ source }).withConnection(readCatalog)
  return proposeDataset(catalog, table, { source, taken: app.datasets.list().map(({ name }) => name) })
}

/** Of a form that came back, whatever it was sent with. */
function sourceOf({ typed }: Shown): string | undefined {
  return (typed as { source?: string } | null)?.source
}

interface Draft {
  proposal?: Proposal
  checked?: CheckedDraft
}

async function showProposal(
  app: FastifyInstance,
  reply: FastifyReply,
  asked: string | undefined,
  shown: Shown,
  { proposal, checked }: Draft = {},
): Promise<string> {
  const sources = [...app.datasets.sources.keys()]
  const source = sources.find((name) => name === asked) ?? sources[0]
  return reply.page('datasets/propose', {
    title: 'Draft a dataset',
    backTo: '/datasets/proposals/new',
    ...{ sources, source, proposal, checked },
    directory: app.config.datasetsDirectory,
    tables: source === undefined || proposal !== undefined ? [] : await tablesOf(app, source),
    ...shown,
  })
}

/** The tables of a source, and which of them are the first of a dataset already; none when it can't be reached. */
async function tablesOf(app: FastifyInstance, source: string) {
  const usable = app.datasets.list().filter(({ problems }) => problems.length === 0)
  const roots = new Map(
    usable.map(({ name }) => app.datasets.get(name)).map((dataset) => [dataset.root.table.oid, dataset]),
  )
  return app.datasets.source({ source }).withConnection(async (client) => {
    const catalog = await readCatalog(client)
    const tables = [...catalog.tables.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, listed)
    return tables.map(([name, { oid, estimatedRows }]) => {
      const dataset = roots.get(oid)
      const isOf = dataset !== undefined && dataset.source === source
      return {
        name,
        rows: Math.max(0, estimatedRows),
        dataset: isOf ? { name: dataset.name, title: dataset.title } : null,
      }
    })
  })
}
