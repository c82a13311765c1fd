import Type from 'typebox'
import { Cursor, Limit, ListOf } from '../platform/cursors.ts'
import { storedStatuses } from './batch.ts'
import { itemStates } from './item.ts'

const closed = { additionalProperties: false } as const
const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const Time = Type.String({ format: 'date-time' })
const Uuid = Type.String({ format: 'uuid' })
const Count = Type.Integer({ minimum: 0 })
const Json = Type.Record(Type.String(), Type.Unknown())
const ItemId = Type.String({ minLength: 1, maxLength: 200 })
const Worker = Type.String({ minLength: 1, maxLength: 200, description: 'What the worker calls itself.' })
const LeaseSeconds = Type.Integer({
  minimum: 1,
  maximum: 86_400,
  description: 'How long the items are this worker’s unless it renews. Longer than one chunk takes.',
})

const WebhookBody = Type.Object(
  {
    url: Type.String({
      maxLength: 2000,
      description: 'Its host has to be allowed: see docs/notifications.md.',
    }),
    concurrency: Type.Integer({ description: 'Calls at once.' }),
    perCall: Type.Integer({ description: 'Items in one call.' }),
    ratePerSecond: Nullable(Type.Number({ description: 'Calls a second at most.' })),
    timeoutSeconds: Type.Integer(),
  },
  closed,
)

const Handler = Nullable(
  Type.Union([
    Type.Object({ webhook: WebhookBody }, closed),
    Type.Object({ builtIn: Type.String() }, closed),
  ]),
)

export const BatchBody = Type.Object(
  {
    id: Uuid,
    key: Type.String(),
    title: Nullable(Type.String()),
    dataset: Nullable(Type.String()),
    handler: Handler,
    origin: Type.Object({ type: Type.String(), id: Nullable(Type.String()) }, closed),
    status: Type.Enum(['waiting', ...storedStatuses], {
      description:
        'running: somebody works on it. waiting: nobody does at the moment. cancelling: what is under way comes to its end.',
    }),
    pausedReason: Nullable(Type.String()),
    total: Count,
    completed: Type.Integer({ minimum: 0, description: 'Never goes back.' }),
    failed: Type.Integer({ minimum: 0, description: 'Goes back only when failed items are tried again.' }),
    pending: Type.Integer({
      minimum: 0,
      description: 'Neither completed nor failed, in somebody’s hands or not.',
    }),
    progressPercentage: Type.Integer({
      description: 'Of all items, the completed ones; 100 only when all are.',
    }),
    rate: Type.Number({ description: 'Items a second, over the last seconds.' }),
    etaSeconds: Nullable(Type.Integer({ description: 'Null while nobody can tell.' })),
    maxAttempts: Type.Integer({ description: 'How often an item may fail before it has failed.' }),
    checkpointEvery: Type.Integer(),
    createdBy: Nullable(Type.String()),
    createdAt: Time,
    startedAt: Nullable(Time),
    finishedAt: Nullable(Time),
    itemsRemovedAt: Nullable(
      Type.String({ format: 'date-time', description: 'Since then only this summary is left.' }),
    ),
  },
  { ...closed, $id: 'Batch' },
)

export const BatchItemBody = Type.Object(
  {
    id: Type.String(),
    status: Type.Enum([...itemStates]),
    payload: Nullable(Json),
    attempts: Type.Integer({ description: 'How often it was claimed.' }),
    failures: Type.Integer({ description: 'How often it failed since it was last asked for.' }),
    result: Nullable(Json),
    error: Nullable(
      Type.Object(
        { code: Type.String(), detail: Type.String() },
        { ...closed, description: 'The last one.' },
      ),
    ),
    worker: Nullable(Type.String({ description: 'Who has it now.' })),
    leaseExpiresAt: Nullable(Time),
    notBefore: Nullable(Type.String({ format: 'date-time', description: 'When it may be tried again.' })),
    settledAt: Nullable(Time),
  },
  { ...closed, $id: 'BatchItem' },
)

/** All schemas that others refer to. */
export const shared = [BatchBody, BatchItemBody]

export const BatchParams = Type.Object({ id: Uuid }, closed)

const Item = Type.Object({ id: ItemId, payload: Type.Optional(Json) }, closed)

export const CreateBatchBody = Type.Object(
  {
    key: Type.String({
      minLength: 1,
      maxLength: 200,
      description:
        'Your own name for this work. The same key answers with the same batch: there is never a second one.',
    }),
    title: Type.Optional(Nullable(Type.String({ maxLength: 200 }))),
    dataset: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
    items: Type.Optional(
      Type.Array(Item, { description: 'More than fit in 16 MiB are streamed to /api/batches/:id/items.' }),
    ),
    handler: Type.Optional(
      Nullable(
        Type.Object(
          {
            webhook: Type.Object(
              {
                url: Type.String({
                  minLength: 1,
                  maxLength: 2000,
                  description: 'Its host has to be on HOLDFAST_WEBHOOK_ALLOW.',
                }),
                concurrency: Type.Optional(
                  Type.Integer({ minimum: 1, maximum: 64, description: 'Calls at once; default 4.' }),
                ),
                perCall: Type.Optional(
                  Type.Integer({ minimum: 1, maximum: 1000, description: 'Items in one call; default 1.' }),
                ),
                ratePerSecond: Type.Optional(
                  Nullable(
                    Type.Number({ minimum: 0.01, maximum: 10_000, description: 'Calls a second at most.' }),
                  ),
                ),
                timeoutSeconds: Type.Optional(
                  Type.Integer({ minimum: 1, maximum: 600, description: 'Of one call; default 30.' }),
                ),
              },
              closed,
            ),
          },
          closed,
        ),
      ),
    ),
    maxAttempts: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 100,
        description: 'How often an item may fail before it has failed; default 1, and 5 for webhooks.',
      }),
    ),
    checkpointEvery: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1000,
        description: 'Where Holdfast works itself: after how many items what was done is recorded.',
      }),
    ),
  },
  closed,
)

export const BatchQuery = Type.Object(
  {
    status: Type.Optional(
      Type.Enum(['incomplete', ...storedStatuses], {
        description: 'incomplete: all that are not over, to be offered for resumption.',
      }),
    ),
    dataset: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
    key: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    handler: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 200,
        description: '`application`, `webhook`, or the name of a built-in one.',
      }),
    ),
    q: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: 'Part of the title or the key.' }),
    ),
    limit: Limit,
    cursor: Type.Optional(Cursor),
  },
  closed,
)

export const BatchList = ListOf(Type.Ref('Batch'))

export const ItemQuery = Type.Object(
  {
    status: Type.Optional(Type.Enum([...itemStates])),
    error: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 200,
        description: 'Failed ones with this code, or without a code, whose text begins so (200 characters).',
      }),
    ),
    id: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: 'How their ids begin.' })),
    limit: Limit,
    cursor: Type.Optional(Cursor),
  },
  closed,
)

export const ItemList = ListOf(Type.Ref('BatchItem'))

/** Read as a stream, so that its schema is for the reader. */
export const ItemsBody = {
  content: {
    'application/x-ndjson': {
      schema: Type.Unknown({ description: 'An item on each line: {"id": "…", "payload": {…}}.' }),
    },
    'application/json': { schema: Type.Unknown({ description: '{"items": [{"id": "…", "payload": {…}}]}' }) },
  },
}

export const ItemsAdded = Type.Object(
  {
    received: Count,
    added: Count,
    existing: Type.Integer({ minimum: 0, description: 'Were there already, and stay as they are.' }),
    batch: Type.Ref('Batch'),
  },
  closed,
)

export const ClaimBody = Type.Object(
  {
    worker: Worker,
    limit: Type.Integer({ minimum: 1, maximum: 1000 }),
    leaseSeconds: LeaseSeconds,
  },
  closed,
)

export const ClaimAnswer = Type.Object(
  {
    lease: Nullable(Type.String({ format: 'uuid', description: 'Null when there was nothing to claim.' })),
    leaseExpiresAt: Nullable(Time),
    items: Type.Array(
      Type.Object(
        {
          id: Type.String(),
          payload: Nullable(Json),
          attempt: Type.Integer({ description: '1 for the first go.' }),
        },
        closed,
      ),
    ),
    batch: Type.Ref('Batch'),
  },
  closed,
)

const Failure = Type.Union([
  Type.String({ minLength: 1, maxLength: 10_000 }),
  Type.Object(
    { code: Type.String({ minLength: 1, maxLength: 100 }), detail: Type.String({ maxLength: 10_000 }) },
    closed,
  ),
])

export const CheckpointBody = Type.Object(
  {
    lease: Type.Optional(
      Type.String({ format: 'uuid', description: 'The claim’s: then a report after losing it is refused.' }),
    ),
    worker: Type.Optional(Worker),
    completed: Type.Optional(
      Type.Array(
        Type.Union([ItemId, Type.Object({ id: ItemId, result: Type.Optional(Nullable(Json)) }, closed)]),
        { maxItems: 5000 },
      ),
    ),
    failed: Type.Optional(
      Type.Array(
        Type.Object(
          {
            id: ItemId,
            error: Failure,
            final: Type.Optional(
              Type.Boolean({ description: 'Trying again makes no sense, whatever maxAttempts says.' }),
            ),
          },
          closed,
        ),
        { maxItems: 5000 },
      ),
    ),
  },
  closed,
)

export const CheckpointAnswer = Type.Object(
  {
    accepted: Count,
    repeated: Type.Integer({ minimum: 0, description: 'Were known already, with the same outcome.' }),
    refused: Type.Array(
      Type.Object(
        {
          id: Type.String(),
          code: Type.Enum(['LEASE_LOST', 'ITEM_SETTLED', 'ITEM_UNKNOWN']),
          detail: Type.String(),
        },
        closed,
      ),
    ),
    batch: Type.Ref('Batch'),
  },
  closed,
)

export const RenewalBody = Type.Object({ lease: Uuid, leaseSeconds: LeaseSeconds }, closed)
export const RenewalAnswer = Type.Object(
  { lease: Uuid, leaseExpiresAt: Time, batch: Type.Ref('Batch') },
  closed,
)

export const ReleaseBody = Type.Object(
  {
    lease: Uuid,
    items: Type.Optional(
      Type.Array(ItemId, { maxItems: 5000, description: 'Default: all that the lease has.' }),
    ),
  },
  closed,
)
export const ReleaseAnswer = Type.Object({ released: Type.Array(Type.String()) }, closed)

export const PauseBody = Type.Object({ reason: Type.Optional(Type.String({ maxLength: 500 })) }, closed)

export const ResumptionBody = Type.Object(
  {
    retryFailed: Type.Optional(
      Type.Union([
        Type.Boolean(),
        Type.Array(ItemId, { maxItems: 5000 }),
        Type.Object({ error: Type.String({ minLength: 1, maxLength: 10_000 }) }, closed),
      ]),
    ),
  },
  {
    ...closed,
    description:
      'retryFailed: true for all failed items, their ids, or `{ "error": "…" }` for those with that code or detail. Without it none is tried again.',
  },
)
