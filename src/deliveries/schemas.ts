import Type from 'typebox'
import { Cursor, Limit, ListOf } from '../platform/cursors.ts'
import { statuses } from './statuses.ts'
import { destinationTypes, type GivenDestination } from './wanted-destination.ts'

const closed = { additionalProperties: false } as const
const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const Time = Type.String({ format: 'date-time' })
const Uuid = Type.String({ format: 'uuid' })
const DatasetName = Type.String({ minLength: 1, maxLength: 100 })
const Title = Nullable(Type.String({ maxLength: 200 }))
const Scope = Type.Unsafe<Record<string, unknown>>(Type.Ref('Scope'))

/** Longer than any token of Microsoft's, and shorter than a request. */
export const Token = Type.String({
  minLength: 1,
  maxLength: 20_000,
  pattern: '^[\\x21-\\x7e]+$',
  description: 'A token of Microsoft Graph with Files.ReadWrite. Kept enciphered, wiped at the end.',
})

const Path = (description: string) => Type.String({ minLength: 1, maxLength: 400, description })

const DestinationBody = Type.Object(
  {
    type: Type.Enum([...destinationTypes]),
    path: Type.Optional(Path('folder: below HOLDFAST_DELIVERY_ROOT.')),
    store: Type.Optional(
      Type.String({
        pattern: '^[a-z0-9_]+$',
        maxLength: 100,
        description: 's3: the bucket of HOLDFAST_STORE_<NAME>_URL, its name in lower case.',
      }),
    ),
    prefix: Type.Optional(Path('s3: folder in the bucket.')),
    folder: Type.Optional(Path('onedrive: folder in the drive; default its root.')),
    driveId: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 200,
        pattern: '^[\\w!.-]+$',
        description: 'onedrive: default the drive of whoever the token is of.',
      }),
    ),
  },
  { ...closed, $id: 'DeliveryDestination' },
)

export const DeliveryBody = Type.Object(
  {
    id: Uuid,
    batchId: Type.String({
      format: 'uuid',
      description: 'The batch of its files, an item each; there when `status` is no longer preparing.',
    }),
    dataset: Type.String(),
    scope: Scope,
    title: Title,
    destination: Type.Unsafe<object>(Type.Object({ type: Type.Enum([...destinationTypes]) })),
    status: Type.Enum([...statuses]),
    pausedReason: Nullable(Type.String()),
    hasToken: Type.Boolean({ description: 'Whether an access token is kept for it at the moment.' }),
    progress: Nullable(
      Type.Object(
        {
          total: Type.Integer(),
          completed: Type.Integer(),
          failed: Type.Integer(),
          pending: Type.Integer(),
          progressPercentage: Type.Integer(),
          rate: Type.Number({ description: 'Files a second.' }),
          etaSeconds: Nullable(Type.Integer()),
        },
        closed,
      ),
    ),
    backup: Type.Object(
      {
        snapshotAt: Nullable(
          Type.String({
            format: 'date-time',
            description: 'Of the snapshot that opened the gate; null when it was not asked.',
          }),
        ),
        cleanupScheduledAt: Nullable(
          Type.String({
            format: 'date-time',
            description:
              'When the originals are removed: expected until all files are delivered, planned from then on. Null when they stay.',
          }),
        ),
        retentionDays: Type.Number({ description: 'From the last file to the removal of the originals.' }),
      },
      closed,
    ),
    snapshotId: Nullable(Uuid),
    gateSkipped: Type.Boolean(),
    cleanupId: Nullable(Uuid),
    notes: Type.Array(Type.String()),
    error: Nullable(Type.Object({ code: Type.String(), detail: Type.String() }, closed)),
    createdBy: Nullable(Type.String()),
    createdAt: Time,
    finishedAt: Nullable(Time),
  },
  { ...closed, $id: 'Delivery' },
)

export const shared = [DestinationBody, DeliveryBody]

export const RequestDeliveryBody = Type.Object(
  {
    dataset: DatasetName,
    scope: Type.Optional(Scope),
    destination: Type.Unsafe<GivenDestination>(Type.Ref('DeliveryDestination')),
    accessToken: Type.Optional(Token),
    skipSnapshotCheck: Type.Optional(
      Type.Boolean({ description: 'Goes past the gate, for those who may. Audited.' }),
    ),
    title: Type.Optional(Title),
  },
  closed,
)

export const TokenBody = Type.Object({ accessToken: Token }, closed)

export const DeliveryParams = Type.Object({ id: Uuid }, closed)

export const DeliveryQuery = Type.Object(
  {
    dataset: Type.Optional(DatasetName),
    status: Type.Optional(Type.Enum([...statuses])),
    destination: Type.Optional(Type.Enum([...destinationTypes])),
    limit: Limit,
    cursor: Type.Optional(Cursor),
  },
  closed,
)

export const DeliveryList = ListOf(Type.Ref('Delivery'))

export const IndexQuery = Type.Object(
  { format: Type.Optional(Type.Enum(['json', 'csv'], { default: 'json' })) },
  closed,
)
