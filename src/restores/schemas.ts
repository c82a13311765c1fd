import Type from 'typebox'
import { Cursor, Limit, ListOf } from '../platform/cursors.ts'
import { modes } from './plan.ts'
import { statuses } from './restore.ts'

const closed = { additionalProperties: false } as const
const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const Time = Type.String({ format: 'date-time' })
const Id = Type.String({ format: 'uuid' })
const KeyPart = Type.Union([Type.String(), Type.Number(), Type.Boolean()])
const Key = Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Array(KeyPart)], {
  description: 'A record’s key: its value, or a list of values where the key has several columns.',
})
const Rows = Type.Integer({ minimum: 0 })

const operations = {
  create: Rows,
  update: Rows,
  delete: Rows,
  keep: Type.Integer({ minimum: 0, description: 'Stays as it is.' }),
  skip: Type.Integer({ minimum: 0, description: 'Left alone by a rule; each has a warning.' }),
}

const PlanBody = Type.Object(
  {
    ...operations,
    tables: Type.Record(Type.String(), Type.Object(operations, closed), {
      description: 'Of rows, by table.',
    }),
  },
  { ...closed, $id: 'Plan', description: 'What a restore does, counted in records, and in rows by table.' },
)

const WarningBody = Type.Object(
  { code: Type.String(), table: Type.String(), key: Nullable(Key), detail: Type.String() },
  { ...closed, $id: 'PlanWarning' },
)

const Change = Type.Enum(['create', 'update', 'delete'])

const SampleBody = Type.Object(
  {
    key: Key,
    label: Type.String(),
    change: Change,
    rows: Type.Array(
      Type.Object(
        {
          table: Type.String(),
          change: Change,
          fields: Type.Array(
            Type.Object({ name: Type.String(), before: Type.Unknown(), after: Type.Unknown() }, closed),
          ),
        },
        closed,
      ),
    ),
  },
  { ...closed, $id: 'PlanSample', description: 'A record that changes, field by field.' },
)

export const RestoreBody = Type.Object(
  {
    id: Id,
    dataset: Type.String(),
    snapshotId: Id,
    mode: Type.Enum([...modes]),
    keys: Nullable(Type.Array(Key)),
    undoes: Nullable(Type.String({ format: 'uuid', description: 'The restore that this one takes back.' })),
    status: Type.Enum([...statuses]),
    planHash: Nullable(Type.String({ description: 'Send it along to apply this plan and no other.' })),
    plan: Nullable(Type.Ref('Plan')),
    warnings: Type.Array(Type.Ref('PlanWarning'), { description: 'The first thousand.' }),
    warningCount: Type.Integer(),
    blockers: Type.Array(Type.Ref('PlanWarning'), {
      description: 'Why the plan cannot be applied as it is.',
    }),
    sample: Type.Array(Type.Ref('PlanSample')),
    preRestoreSnapshotId: Nullable(
      Type.String({ format: 'uuid', description: 'Holds what was overwritten; null when nothing was.' }),
    ),
    counts: Nullable(Type.Ref('Plan')),
    progress: Nullable(Type.Object({ phase: Type.String(), records: Type.Integer() }, closed)),
    error: Nullable(
      Type.Object({ code: Type.String(), detail: Type.String(), moved: Type.Array(Key) }, closed),
    ),
    createdBy: Nullable(Type.String()),
    createdAt: Time,
    startedAt: Nullable(Time),
    finishedAt: Nullable(Time),
  },
  { ...closed, $id: 'Restore' },
)

/** All schemas that others refer to. */
export const shared = [PlanBody, WarningBody, SampleBody, RestoreBody]

export const RestoreParams = Type.Object({ id: Id }, closed)

export const PlanRequestBody = Type.Object(
  {
    snapshotId: Id,
    mode: Type.Optional(
      Type.Enum([...modes], {
        description:
          'replace (default): as in the snapshot, what was added since is deleted. merge: nothing is deleted. missing: only what is gone comes back.',
      }),
    ),
    keys: Type.Optional(
      Type.Array(Key, { minItems: 1, maxItems: 10_000, description: 'Only these records.' }),
    ),
  },
  closed,
)

export const ApplicationBody = Type.Object(
  { planHash: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })) },
  closed,
)

export const RestoreQuery = Type.Object(
  {
    dataset: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
    snapshotId: Type.Optional(Id),
    status: Type.Optional(Type.Enum([...statuses])),
    limit: Limit,
    cursor: Type.Optional(Cursor),
  },
  closed,
)

export const RestoreList = ListOf(Type.Ref('Restore'))
