import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import Type, { type Static } from 'typebox'
import { causeOf, type Actor } from '../audit/actor.ts'
import { usableDatasets } from '../datasets/open-datasets.ts'
import { chosenScope, scopeLink } from '../datasets/scope-link.ts'
import { scopeFields, scopeOfForm } from '../snapshots/scope-form.ts'
import { TextFilter } from '../platform/filters.ts'
import { answerForm, formRoute, type Shown } from '../platform/forms.ts'
import { filterOf, listOf, ListPageQuery } from '../platform/list-page.ts'
import type { PageQuery } from '../platform/read-page.ts'
import type { Sealer } from '../platform/sealing.ts'
import { sendCsv } from '../platform/send-csv.ts'
import { form } from '../platform/validation.ts'
import { deliveryCsv } from './delivery-csv.ts'
import deliveryPage from './delivery-page.ts'
import filesPage from './files-page.ts'
import { deliverySorting, listDeliveries } from './list-deliveries.ts'
import { presentDeliveries } from './present-delivery.ts'
import { requestDelivery } from './request-delivery.ts'
import { Token } from './schemas.ts'
import { statuses } from './statuses.ts'
import { waitForDelivery } from './wait-for-delivery.ts'
import { destinationTypes, type GivenDestination } from './wanted-destination.ts'

const closed = { additionalProperties: false } as const
const Text = Type.Optional(Type.String({ maxLength: 400 }))

const ListQuery = ListPageQuery(
  {
    dataset: TextFilter,
    status: Type.Optional(Type.Enum([...statuses])),
    destination: Type.Optional(Type.Enum([...destinationTypes])),
  },
  deliverySorting,
)

const NewQuery = Type.Object(scopeLink, closed)

const RequestForm = Type.Object(
  {
    dataset: Type.String({ maxLength: 100 }),
    ...scopeFields,
    type: Type.Enum([...destinationTypes]),
    path: Text,
    store: Text,
    prefix: Text,
    folder: Text,
    driveId: Text,
    accessToken: Type.Optional(Token),
    title: Type.Optional(Type.String({ maxLength: 200 })),
    skipSnapshotCheck: Type.Optional(Type.Boolean()),
  },
  { ...closed, ...form },
)

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
  await app.register(filesPage)

  app.get(
    '/deliveries',
    { config: { permission: 'deliveries:list' }, schema: { hide: true, querystring: ListQuery } },
    async ({ query }, reply) => {
      const { sort, cursor, format } = query
      const read = async (page: PageQuery) => {
        const found = await listDeliveries(app.orm.em, filterOf(query), { sort, ...page })
        return { ...found, items: await presentDeliveries(app, found.items) }
      }
      if (format === 'csv') return sendCsv(reply, 'deliveries', deliveryCsv, read)
      const { items, nextCursor } = await read({ cursor })
      return reply.page('deliveries/list', {
        title: 'Deliveries',
        ...{ items, statuses, destinationTypes },
        datasets: app.datasets.list(),
        ...listOf('/deliveries', query, deliverySorting, { nextCursor }),
      })
    },
  )

  app.get(
    '/deliveries/new',
    { config: { permission: 'deliveries:create' }, schema: { hide: true, querystring: NewQuery } },
    async ({ actor, query }, reply) => {
      const { dataset } = query
      return showForm(app, actor, reply, { typed: { dataset, ...(await chosenScope(app, actor, query)) } })
    },
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
          const { dataset, type, accessToken, title, skipSnapshotCheck, ...fields } = request.body
          const wanted = {
            dataset,
            scope: scopeOfForm(fields, app.datasets.get(dataset).root.key),
            destination: destinationOf(request.body),
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
function destinationOf(fields: Static<typeof RequestForm>): GivenDestination {
  const { type, path, store, prefix, folder, driveId } = fields
  if (type === 'folder') return { type, ...(path && { path }) }
  if (type === 'onedrive') return { type, ...(folder && { folder }), ...(driveId && { driveId }) }
  return { type, ...(prefix && { prefix }), ...(store && { store }) }
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
