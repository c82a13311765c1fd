import Type from 'typebox'
import { Cursor, Limit, ListOf } from '../platform/cursors.ts'
import { origins, statuses, targets } from './cleanup.ts'

const closed = { additionalProperties: false } as const
const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const Time = Type.String({ format: 'date-time' })
const Id = Type.String({ format: 'uuid' })
const Count = Type.Integer({ minimum: 0 })
const KeyPart = Type.Union([Type.String(), Type.Number(), Type.Boolean()])
const Key = Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Array(KeyPart)])
const Left = Type.Array(Type.Object({ key: Key, code: Type.String(), detail: Type.String() }, closed), {
  description: 'The first 200.',
})
const LeftCounts = Type.Record(Type.String(), Count)

const shared = {
  kept: Type.Integer({ minimum: 0, description: 'What the scope selects and is left alone.' }),
  left: Left,
  leftCounts: LeftCounts,
  over: Nullable(Type.String({ description: 'How it is over its limit; null: it isn’t.' })),
}

export const CleanupPlanBody = Type.Object(
  {
    ...shared,
    records: Type.Optional(Count),
    tables: Type.Optional(
      Type.Record(Type.String(), Type.Object({ remove: Count, keep: Count }, closed), {
        description: 'Of rows, by table.',
      }),
    ),
    outside: Type.Optional(
      Type.Array(
        Type.Object(
          {
            ...{ table: Type.String(), constraint: Type.String(), onDelete: Type.String() },
            ...{ pointsAt: Type.String(), rows: Count, records: Count },
          },
          closed,
        ),
        { description: 'Rows that stay and point at rows of the scope: those are left alone.' },
      ),
    ),
    triggers: Type.Optional(
      Type.Array(Type.Object({ table: Type.String(), trigger: Type.String() }, closed)),
    ),
    store: Type.Optional(Type.String()),
    objects: Type.Optional(Count),
    bytes: Type.Optional(Count),
    missing: Type.Optional(Type.Integer({ minimum: 0, description: 'Named, but not in the store.' })),
    sample: Type.Array(
      Type.Object(
        {
          key: Key,
          label: Type.Optional(Type.String()),
          rows: Type.Optional(Type.Record(Type.String(), Count)),
          bytes: Type.Optional(Count),
        },
        closed,
      ),
    ),
  },
  { ...closed, $id: 'CleanupPlan', description: 'What a cleanup removes: of records, or of files.' },
)

const Reason = Type.Object({ code: Type.String(), detail: Type.String() }, closed)

export const CleanupBody = Type.Object(
  {
    id: Id,
    dataset: Type.String(),
    scope: Type.Unsafe<Record<string, unknown>>(Type.Ref('Scope')),
    target: Type.Enum([...targets]),
    origin: Type.Enum([...origins]),
    status: Type.Enum([...statuses]),
    hold: Type.Boolean(),
    dueAt: Time,
    isCleanupDue: Type.Boolean(),
    daysUntilCleanup: Nullable(Type.Integer({ description: 'Whole days, rounded up; null once it runs.' })),
    noticeRequired: Type.Boolean(),
    noticeSentAt: Nullable(Time),
    blockedReason: Nullable(Type.String({ description: 'Why it did not run although it was due.' })),
    plan: Type.Ref('CleanupPlan'),
    planHash: Type.String(),
    gate: Nullable(Type.Object({ skipped: Type.Boolean(), snapshotId: Nullable(Id) }, closed)),
    snapshotId: Nullable(Type.String({ format: 'uuid', description: 'Holds exactly what was removed.' })),
    batchId: Nullable(Id),
    progress: Nullable(Type.Object({ removed: Count, left: Count, total: Count }, closed)),
    counts: Nullable(
      Type.Object(
        {
          removed: Count,
          tables: Type.Record(Type.String(), Count),
          left: Count,
          leftCounts: LeftCounts,
          remaining: Type.Integer({ minimum: 0, description: 'Not reached, since it was cancelled.' }),
          longestLockMs: Count,
        },
        closed,
      ),
    ),
    left: Left,
    error: Nullable(Reason),
    createdBy: Nullable(Type.String()),
    createdAt: Time,
    startedAt: Nullable(Time),
    finishedAt: Nullable(Time),
  },
  { ...closed, $id: 'Cleanup', description: 'A planned removal, and what became of it.' },
)

export const CleanupPreviewBody = Type.Object(
  {
    preview: Type.Literal(true),
    plan: Type.Ref('CleanupPlan'),
    planHash: Type.String({ description: 'Send it along with confirmDelete to remove exactly this.' }),
    warning: Type.Optional(Type.String({ description: 'When no snapshot covers the scope.' })),
    warnings: Type.Array(Reason),
    message: Type.String(),
  },
  { ...closed, $id: 'CleanupPreview' },
)

export const CleanupRequestBody = Type.Object(
  {
    dataset: Type.String({ minLength: 1, maxLength: 100 }),
    scope: Type.Unsafe<Record<string, unknown>>(Type.Ref('Scope')),
    target: Type.Enum([...targets]),
    confirmDelete: Type.Optional(
      Type.Boolean({ description: 'Without it, nothing is removed: the answer is a preview.' }),
    ),
    planHash: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
    dueAt: Type.Optional(Type.String({ format: 'date-time', description: 'When; absent: at once.' })),
    skipSnapshotCheck: Type.Optional(Type.Boolean()),
  },
  closed,
)

export const CleanupParams = Type.Object({ id: Id }, closed)

export const CleanupChangesBody = Type.Object(
  { hold: Type.Optional(Type.Boolean()), dueAt: Type.Optional(Time) },
  { ...closed, minProperties: 1 },
)

export const ConfirmationBody = Type.Object(
  { planHash: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })) },
  closed,
)

export const CleanupQuery = Type.Object(
  {
    dataset: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
    status: Type.Optional(Type.Enum([...statuses])),
    target: Type.Optional(Type.Enum([...targets])),
    pending: Type.Optional(Type.Boolean({ description: 'true: those that wait.' })),
    limit: Limit,
    cursor: Type.Optional(Cursor),
  },
  closed,
)

export const CleanupList = ListOf(Type.Ref('Cleanup'))
