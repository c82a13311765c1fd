import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import Type from 'typebox'
import { answerForm, formRoute } from '../platform/forms.ts'
import { form } from '../platform/validation.ts'
import { readCatalog } from '../source/read-catalog.ts'
import { proposeDataset, type Proposal } from './propose.ts'

const ProposalForm = Type.Object(
  { source: Type.String({ maxLength: 100 }), table: Type.Optional(Type.String({ maxLength: 200 })) },
  { additionalProperties: false, ...form },
)

/** Drafting a dataset from a table. */
const proposalPage: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/datasets/proposals/new',
    { config: { permission: 'datasets:propose' }, schema: { hide: true } },
    async (_request, reply) => showProposal(app, reply, {}),
  )

  app.post(
    '/datasets/proposals',
    { ...formRoute, config: { permission: 'datasets:propose' }, schema: { hide: true, body: ProposalForm } },
    async (request, reply) =>
      answerForm(
        request,
        async () => {
          const typed = request.body
          const proposal = await propose(app, typed.source, typed.table ?? '')
          return showProposal(app, reply, { typed, proposal })
        },
        (shown) => showProposal(app, reply, shown),
      ),
  )
}

export default proposalPage

async function propose(app: FastifyInstance, source: string, table: string): Promise<Proposal> {
  const catalog = await app.datasets.source({ source }).withConnection(readCatalog)
  return proposeDataset(catalog, table, { source, taken: app.datasets.list().map(({ name }) => name) })
}

interface ShownProposal {
  typed?: unknown
  problem?: unknown
  proposal?: Proposal
}

async function showProposal(
  app: FastifyInstance,
  reply: FastifyReply,
  shown: ShownProposal,
): Promise<string> {
  return reply.page('datasets/propose', {
    title: 'Draft a dataset',
    backTo: '/datasets/proposals/new',
    sources: [...app.datasets.sources.keys()],
    ...shown,
  })
}
