import Type from 'typebox'
import { durationPattern } from '../platform/durations.ts'
import { Cursor, Limit, ListOf, NextCursor } from '../platform/cursors.ts'
import { statuses, triggers } from './snapshot.ts'

const closed = { additionalProperties: false } as const
const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const Time = Type.String({ format: 'date-time' })
const Title = Nullable(Type.String({ maxLength: 200 }))
const Note = Nullable(Type.String({ maxLength: 2000 }))
const DatasetName = Type.String({ minLength: 1, maxLength: 100 })
const Status = Type.Enum([...statuses])
const Trigger = Type.Enum([...triggers])

export const SnapshotParams = Type.Object({ id: Type.String({ format: 'uuid' }) }, closed)

export const VerificationBody = Type.Object(
  {
    ok: Type.Boolean(),
    sha256: Nullable(Type.String()),
    bytes: Type.Integer(),
    checkedAt: Time,
    problems: Type.Array(Type.String(), { description: 'All that is wrong; empty when nothing is.' }),
  },
  { ...closed, $id: 'Verification' },
)

export const SnapshotBody = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    dataset: Type.String(),
    scope: Type.Unsafe<Record<string, unknown>>(Type.Ref('Scope')),
    trigger: Trigger,
    status: Status,
    title: Title,
    note: Note,
    takenAt: Nullable(Time),
    sha256: Nullable(
      Type.String({ description: 'Of the artifact as GET …/content gives it, uncompressed. Hex.' }),
    ),
    bytes: Nullable(Type.Integer({ description: 'Size of the artifact, uncompressed.' })),
    storedBytes: Nullable(Type.Integer({ description: 'Size in the store, compressed.' })),
    counts: Type.Record(Type.String(), Type.Integer(), { description: 'Rows by table.' }),
    stats: Type.Record(Type.String(), Type.Unknown(), { description: 'As the dataset declares them.' }),
    key: Nullable(Type.String({ description: 'Where the artifact lies in the store.' })),
    expiresAt: Nullable(Time),
    hold: Type.Boolean({ description: 'Nobody can remove it, whatever retention says.' }),
    createdBy: Nullable(Type.String()),
    createdAt: Time,
    startedAt: Nullable(Time),
    finishedAt: Nullable(Time),
    attempts: Type.Integer({ description: 'How often taking it was begun.' }),
    progress: Nullable(
      Type.Object(
        { records: Type.Integer(), bytes: Type.Integer() },
        { ...closed, description: 'How far it is while it is generating.' },
      ),
    ),
    verifiedAt: Nullable(Time),
    lastVerification: Nullable(Type.Ref('Verification')),
    restoreId: Nullable(
      Type.String({ format: 'uuid', description: 'The restore that can be undone with this snapshot.' }),
    ),
    cleanupId: Nullable(
      Type.String({ format: 'uuid', description: 'The cleanup that can be undone with this snapshot.' }),
    ),
    warnings: Type.Array(Type.String()),
    error: Nullable(Type.Object({ code: Type.String(), detail: Type.String() }, closed)),
  },
  { ...closed, $id: 'Snapshot' },
)

export const TakeSnapshotBody = Type.Object(
  {
    dataset: DatasetName,
    scope: Type.Optional(Type.Unsafe<Record<string, unknown>>(Type.Ref('Scope'))),
    trigger: Type.Optional(Type.Enum(['manual', 'pre_sync', 'scheduled', 'pre_restore'])),
    title: Type.Optional(Title),
    note: Type.Optional(Note),
    expiresAt: Type.Optional(Nullable(Time)),
    reuseWithin: Type.Optional(
      Type.String({
        pattern: durationPattern,
        description:
          'Such as 15m, 1h or 7d: answers with a completed snapshot that covers the scope and is no older, if any.',
      }),
    ),
  },
  closed,
)

export const UpdateSnapshotBody = Type.Object(
  {
    title: Type.Optional(Title),
    note: Type.Optional(Note),
    hold: Type.Optional(Type.Boolean()),
    expiresAt: Type.Optional(Nullable(Time)),
  },
  { ...closed, minProperties: 1 },
)

export const DeleteSnapshotQuery = Type.Object(
  {
    force: Type.Optional(
      Type.Boolean({ description: 'Also when a restore could still be undone with this snapshot.' }),
    ),
  },
  closed,
)

export const ListSnapshotsQuery = Type.Object(
  {
    dataset: Type.Optional(DatasetName),
    key: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 2000,
        description:
          'Those that cover this record of `dataset`: its key, or a JSON array where the key has several columns. A page may then hold fewer than `limit`.',
      }),
    ),
    status: Type.Optional(Status),
    trigger: Type.Optional(Trigger),
    from: Type.Optional(Time),
    to: Type.Optional(Time),
    limit: Type.Optional(Limit),
    cursor: Type.Optional(Cursor),
  },
  closed,
)

export const SnapshotList = ListOf(Type.Ref('Snapshot'))

export const ChangesQuery = Type.Object(
  {
    table: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: 'Only rows of this table, as in `summary`.' }),
    ),
    kind: Type.Optional(
      Type.Enum(['create', 'update', 'delete'], { description: 'Only what this happened to since.' }),
    ),
    limit: Type.Optional(Limit),
    cursor: Type.Optional(Cursor),
  },
  closed,
)

const Count = Type.Integer()

const Change = Type.Object(
  {
    table: Type.String(),
    record: Type.Array(Type.Unknown(), { description: 'Key of the record that the row belongs to.' }),
    key: Type.Array(Type.Unknown(), { description: 'What tells the row from its siblings.' }),
    kind: Type.Enum(['create', 'update', 'delete'], { description: 'What happened since the snapshot.' }),
    fields: Type.Array(
      Type.Object({ name: Type.String(), before: Type.Unknown(), after: Type.Unknown() }, closed),
      { description: 'As the snapshot has them and as they are now; of an update those that differ.' },
    ),
  },
  closed,
)

export const PendingChangesBody = Type.Object(
  {
    snapshotId: Type.String({ format: 'uuid' }),
    comparedAt: Time,
    summary: Nullable(
      Type.Array(
        Type.Object(
          { table: Type.String(), create: Count, update: Count, delete: Count, keep: Count },
          { ...closed, description: 'Rows, by what happened to them since the snapshot.' },
        ),
        { description: 'On the first page; null on others.' },
      ),
    ),
    notes: Type.Array(Type.String(), { description: 'What was left out, as the dataset has changed since.' }),
    items: Type.Array(Change),
    nextCursor: NextCursor,
  },
  { ...closed, $id: 'PendingChanges' },
)
