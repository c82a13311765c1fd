import Type from 'typebox'
import { Cursor, Limit, ListOf } from '../platform/cursors.ts'
import { statuses } from './export.ts'
import { formats } from './rendering.ts'

const closed = { additionalProperties: false } as const
const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const Time = Type.String({ format: 'date-time' })
const Title = Nullable(Type.String({ maxLength: 200 }))
const DatasetName = Type.String({ minLength: 1, maxLength: 100 })
const Status = Type.Enum([...statuses])
const Format = Type.Enum([...formats])
const Scope = Type.Unsafe<Record<string, unknown>>(Type.Ref('Scope'))
const Counts = Type.Record(Type.String(), Type.Integer(), { description: 'Rows by table.' })

const Gate = Type.Object(
  {
    skipped: Type.Boolean(),
    snapshotId: Nullable(Type.String({ format: 'uuid' })),
    snapshotAt: Nullable(Time),
  },
  { ...closed, description: 'The snapshot that opened the gate, or that the check was skipped.' },
)

export const ExportParams = Type.Object({ id: Type.String({ format: 'uuid' }) }, closed)

export const ExportBody = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    dataset: Type.String(),
    scope: Scope,
    format: Format,
    includeChildren: Type.Boolean(),
    title: Title,
    status: Status,
    takenAt: Nullable(Time),
    fileName: Nullable(Type.String()),
    sha256: Nullable(Type.String({ description: 'Of the file as GET …/content gives it. Hex.' })),
    bytes: Nullable(Type.Integer()),
    counts: Counts,
    key: Nullable(Type.String({ description: 'Where the file lies in the store.' })),
    expiresAt: Nullable(Time),
    createdBy: Nullable(Type.String()),
    createdAt: Time,
    startedAt: Nullable(Time),
    finishedAt: Nullable(Time),
    attempts: Type.Integer({ description: 'How often making it was begun.' }),
    progress: Nullable(
      Type.Object(
        { records: Type.Integer(), bytes: Type.Integer() },
        { ...closed, description: 'How far it is while it is generating.' },
      ),
    ),
    gate: Nullable(Gate),
    warnings: Type.Array(Type.String()),
    error: Nullable(Type.Object({ code: Type.String(), detail: Type.String() }, closed)),
  },
  { ...closed, $id: 'Export' },
)

export const ManifestBody = Type.Object(
  {
    holdfast: Type.Literal(1),
    kind: Type.Literal('export'),
    id: Type.String({ format: 'uuid' }),
    title: Title,
    query: Type.Object(
      {
        dataset: Type.String(),
        scope: Scope,
        format: Format,
        includeChildren: Type.Boolean(),
        columns: Type.Record(Type.String(), Type.Record(Type.String(), Type.String()), {
          description: "By table, each column's type in the database.",
        }),
      },
      closed,
    ),
    counts: Counts,
    takenAt: Time,
    createdBy: Nullable(Type.String()),
    createdAt: Time,
    expiresAt: Nullable(Time),
    gate: Nullable(Gate),
    file: Type.Object(
      {
        name: Type.String(),
        contentType: Type.String(),
        bytes: Type.Integer(),
        sha256: Type.String(),
        key: Type.String(),
      },
      closed,
    ),
    note: Type.String(),
  },
  { ...closed, $id: 'ExportManifest' },
)

const includeChildren = Type.Optional(
  Type.Boolean({
    description: "With the rows that belong to the records. Default: as the dataset's file says.",
  }),
)

export const RequestExportBody = Type.Object(
  {
    dataset: DatasetName,
    scope: Type.Optional(Scope),
    format: Format,
    includeChildren,
    title: Type.Optional(Title),
    expiresAt: Type.Optional(Nullable(Time)),
    skipSnapshotCheck: Type.Optional(
      Type.Boolean({ description: 'Goes past the gate, for those who may; audited.' }),
    ),
  },
  closed,
)

export const ListExportsQuery = Type.Object(
  {
    dataset: Type.Optional(DatasetName),
    format: Type.Optional(Format),
    status: Type.Optional(Status),
    from: Type.Optional(Time),
    to: Type.Optional(Time),
    limit: Type.Optional(Limit),
    cursor: Type.Optional(Cursor),
  },
  closed,
)

export const ExportList = ListOf(Type.Ref('Export'))

export const ContentParams = Type.Object({ dataset: DatasetName }, closed)

export const ContentQuery = Type.Object(
  {
    format: Format,
    all: Type.Optional(Type.Literal(true)),
    key: Type.Optional(
      Type.Unsafe<string | string[]>({
        type: ['string', 'array'],
        items: { type: 'string', minLength: 1, maxLength: 2000 },
        minLength: 1,
        maxLength: 2000,
        minItems: 1,
        maxItems: 200,
        description: 'A record each; a JSON array where the key has several columns.',
      }),
    ),
    month: Type.Optional(Type.String({ examples: ['2026-10'] })),
    from: Type.Optional(Type.String({ examples: ['2026-01-01'] })),
    to: Type.Optional(Type.String({ examples: ['2026-02-01'] })),
    includeChildren,
    title: Type.Optional(Type.String({ maxLength: 200 })),
    skipSnapshotCheck: Type.Optional(Type.Boolean()),
  },
  closed,
)
