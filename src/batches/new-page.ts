import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import Type, { type Static } from 'typebox'
import { invalidField } from '../datasets/typed-keys.ts'
import { answerForm, formRoute, type Shown } from '../platform/forms.ts'
import { form } from '../platform/validation.ts'
import { largestBody, requestBatch, type RequestedBatch } from './request-batch.ts'
import { itemsOfLines } from './typed-items.ts'
import { webhookAttempts, webhookDefaults } from './webhook.ts'

const closed = { additionalProperties: false } as const
const Whole = (maximum: number) => Type.Optional(Type.Integer({ minimum: 1, maximum }))

const NewQuery = Type.Object({ dataset: Type.Optional(Type.String({ maxLength: 100 })) }, closed)

/** With the bounds of the API's. */
const BatchForm = Type.Object(
  {
    key: Type.String({ minLength: 1, maxLength: 200 }),
    title: Type.Optional(Type.String({ maxLength: 200 })),
    dataset: Type.Optional(Type.String({ maxLength: 100 })),
    items: Type.Optional(Type.String()),
    by: Type.Enum(['workers', 'webhook']),
    url: Type.Optional(Type.String({ maxLength: 2000 })),
    concurrency: Whole(64),
    perCall: Whole(1000),
    ratePerSecond: Type.Optional(Type.Number({ minimum: 0.01, maximum: 10_000 })),
    timeoutSeconds: Whole(600),
    maxAttempts: Whole(100),
    checkpointEvery: Whole(1000),
  },
  { ...closed, ...form },
)

/** The page on which somebody makes a batch by hand. */
const newPage: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/batches/new',
    { config: { permission: 'batches:create' }, schema: { hide: true, querystring: NewQuery } },
    async ({ query }, reply) => showForm(app, reply, { typed: query }),
  )

  app.post(
    '/batches',
    {
      ...formRoute,
      bodyLimit: largestBody,
      config: { permission: 'batches:create' },
      schema: { hide: true, body: BatchForm },
    },
    async (request, reply) =>
      answerForm(
        request,
        async () => {
          const { batch, isNew } = await requestBatch(app, wantedOf(request.body), request)
          return reply.leadTo(
            `/batches/${batch.id}`,
            isNew ? 'Created.' : 'There is a batch with this key already: this one.',
          )
        },
        (shown) => showForm(app, reply, shown),
      ),
  )
}

export default newPage

/** Of the form's fields those that belong to the way that was chosen. */
function wantedOf({ by, items = '', ...fields }: Static<typeof BatchForm>): RequestedBatch {
  const { url, concurrency, perCall, ratePerSecond, timeoutSeconds, checkpointEvery, ...shared } = fields
  const wanted = { ...shared, items: itemsOfLines(items) }
  if (by === 'workers') return wanted
  if (url === undefined) throw invalidField('url', 'is required: where the items are sent')
  const webhook = { url, ...given({ concurrency, perCall, ratePerSecond, timeoutSeconds }) }
  return { ...wanted, ...given({ checkpointEvery }), handler: { webhook } }
}

function given<T extends object>(values: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never
}

function showForm(app: FastifyInstance, reply: FastifyReply, shown: Shown): Promise<string> {
  return reply.page('batches/new', {
    title: 'New batch',
    backTo: '/batches/new',
    datasets: app.datasets.list(),
    defaults: { ...webhookDefaults, attempts: webhookAttempts },
    ...shown,
  })
}
