import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import Type from 'typebox'
import { causeOf, type Actor } from '../audit/actor.ts'
import { usableDatasets } from '../datasets/open-datasets.ts'
import { scopeFields, scopeOfForm } from '../snapshots/scope-form.ts'
import { url } from '../platform/components.ts'
import { decodeCursor, encodeCursor } from '../platform/cursors.ts'
import { FilterQuery, pagesOf, TextFilter } from '../platform/filters.ts'
import { answerForm, formRoute, type Shown } from '../platform/forms.ts'
import type { Sealer } from '../platform/sealing.ts'
import { form } from '../platform/validation.ts'
import deliveryPage from './delivery-page.ts'
import { findDeliveries } from './find-deliveries.ts'
import { presentDeliveries } from './present-delivery.ts'
import { requestDelivery } from './request-delivery.ts'
import { Token } from './schemas.ts'
import { statuses } from './statuses.ts'
import { waitForDelivery } from './wait-for-delivery.ts'
import { destinationTypes, type GivenDestination } from './wanted-destination.ts'

const closed = { additionalProperties: false } as const
const Position = Type.Tuple([Type.String({ format: 'uuid' })])
const Text = Type.Optional(Type.String({ maxLength: 400 }))

const ListQuery = FilterQuery({ dataset: TextFilter, status: Type.Optional(Type.Enum([...statuses])) })

const NewQuery = Type.Object({ dataset: TextFilter, keys: TextFilter }, closed)

const RequestForm = Type.Object(
  {
    dataset: Type.String({ maxLength: 100 }),
    ...scopeFields,
    type: Type.Enum([...destinationTypes]),
    path: Text,
    store: Text,
    accessToken: Type.Optional(Token),
    title: Type.Optional(Type.String({ maxLength: 200 })),
    skipSnapshotCheck: Type.Optional(Type.Boolean()),
  },
  { ...closed, ...form },
)

const pageSize = 50

/** Listing the files of most deliveries is done within this time, in seconds. */
const shortWait = 2

/** The pages of deliveries: the list, and asking for one; see delivery-page.ts for one of them. */
const pages: FastifyPluginAsyncTypebox<{ sealer: Sealer }> = async (app, { sealer }) => {
  app.addNavigation({
    group: 'Data',
    label: 'Deliveries',
    path: '/deliveries',
    icon: 'send',
    key: 'v',
    permission: 'deliveries:list',
  })
  await app.register(deliveryPage, { sealer })

  app.get(
    '/deliveries',
    { config: { permission: 'deliveries:list' }, schema: { hide: true, querystring: ListQuery } },
    async ({ query }, reply) => {
      const { cursor, ...filter } = query
      const [before] = decodeCursor(cursor, Position) ?? []
      const found = await findDeliveries(app.orm.em, filter, pageSize + 1, before)
      const last = found.length > pageSize ? found[pageSize - 1] : undefined
      return reply.page('deliveries/list', {
        title: 'Deliveries',
        items: await presentDeliveries(app, found.slice(0, pageSize)),
        filter: query,
        filtered: Object.keys(filter).length > 0,
        datasets: app.datasets.list(),
        statuses,
        pages: pagesOf(
          (more) => url('/deliveries', more),
          query,
          last === undefined ? null : encodeCursor([last.id]),
        ),
      })
    },
  )

  app.get(
    '/deliveries/new',
    { config: { permission: 'deliveries:create' }, schema: { hide: true, querystring: NewQuery } },
    async ({ actor, query: { dataset, keys } }, reply) =>
      showForm(app, actor, reply, { typed: { dataset, keys, which: keys === undefined ? 'all' : 'keys' } }),
  )

  app.post(
    '/deliveries',
    {
      ...formRoute,
      config: { permission: 'deliveries:create' },
      schema: { hide: true, body: RequestForm },
    },
    async (request, reply) =>
      answerForm(
        request,
        async () => {
          const { dataset, type, path, store, accessToken, title, skipSnapshotCheck, ...fields } =
            request.body
          const wanted = {
            dataset,
            scope: scopeOfForm(fields, app.datasets.get(dataset).root.key),
            destination: destinationOf(type, path, store),
            ...(accessToken !== undefined && type === 'onedrive' && { accessToken }),
            ...(title !== undefined && { title }),
            ...(skipSnapshotCheck !== undefined && { skipSnapshotCheck }),
          }
          const delivery = await requestDelivery(app, sealer, wanted, causeOf(request))
          await waitForDelivery(app, delivery, shortWait, ({ status }) => status !== 'preparing')
          return reply.leadTo(`/deliveries/${delivery.id}`)
        },
        ({ typed, problem }) =>
          // A token is never sent back.
          showForm(app, request.actor, reply, {
            typed: { ...(typed as object), accessToken: undefined },
            problem,
          }),
      ),
  )
}

export default pages

/** Of the form's fields those that the kind of destination has. */
function destinationOf(
  type: GivenDestination['type'],
  path: string | undefined,
  store: string | undefined,
): GivenDestination {
  if (type === 'folder') return { type, ...(path && { path }) }
  if (type === 'onedrive') return { type, ...(path && { folder: path }) }
  return { type, ...(path && { prefix: path }), ...(store && { store }) }
}

function showForm(app: FastifyInstance, actor: Actor, reply: FastifyReply, shown: Shown): Promise<string> {
  const datasets = usableDatasets(app.datasets, actor)
  const buckets = Object.entries(app.config.fileStores).filter(([, address]) => address.startsWith('s3:'))
  return reply.page('deliveries/new', {
    title: 'Deliver files',
    backTo: '/deliveries/new',
    datasets: datasets.filter(({ name }) => app.datasets.get(name).files !== null),
    stores: buckets.map(([name]) => name),
    hasFolder: app.config.deliveryRoot !== null,
    ...shown,
  })
}
