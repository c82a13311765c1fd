import Type from 'typebox'
import { Cursor, ListOf, NextCursor } from '../platform/cursors.ts'
import { rules } from './policy.ts'

const closed = { additionalProperties: false } as const
const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const Id = Type.String({ format: 'uuid' })
const Time = Type.String({ format: 'date-time' })
const Next = Type.Union([Time, Type.Null()], { description: 'Null: paused or switched off.' })

const Verdict = Type.Object(
  {
    id: Id,
    title: Nullable(Type.String()),
    scope: Type.Unsafe<Record<string, unknown>>(Type.Ref('Scope')),
    trigger: Type.String(),
    takenAt: Time,
    keep: Type.Boolean(),
    reasons: Type.Array(Type.Object({ rule: Type.String(), words: Type.String() }, closed), {
      description: 'All that keep it, or why it goes.',
    }),
  },
  closed,
)

const PendingCleanup = Type.Object(
  { id: Id, status: Type.String(), dueAt: Time, hold: Type.Boolean(), records: Type.Integer() },
  closed,
)

export const RetentionBody = Type.Object(
  {
    dataset: Type.String(),
    title: Type.String(),
    snapshots: Type.Object(
      {
        policy: Type.Array(Type.String(), { description: 'In words.' }),
        keep: Type.Integer(),
        remove: Type.Integer({ description: 'How many the next run would remove if it were now.' }),
        nextRun: Next,
        rules: Type.Record(Type.String(), Type.Integer(), {
          description: 'How many each rule keeps, or lets go.',
        }),
        items: Type.Array(Verdict, { description: 'Those that go first, then the newest.' }),
        nextCursor: NextCursor,
      },
      closed,
    ),
    backups: Nullable(Type.Object({ nextRun: Next, keep: Type.Integer() }, closed)),
    records: Nullable(
      Type.Object(
        {
          policy: Type.String(),
          enabled: Type.Boolean(),
          cutoff: Time,
          past: Nullable(
            Type.Integer({ description: 'Records past their age now; null: the source cannot be asked.' }),
          ),
          nextRun: Next,
          pendingCleanups: Type.Array(PendingCleanup),
        },
        closed,
      ),
    ),
  },
  { ...closed, $id: 'Retention' },
)

export const RetentionList = ListOf(Type.Ref('Retention'))

export const RetentionParams = Type.Object({ dataset: Type.String({ minLength: 1, maxLength: 100 }) }, closed)

/** Which of the snapshots are described one by one. */
export const VerdictsQuery = Type.Object(
  {
    verdict: Type.Optional(Type.Enum(['kept', 'goes'])),
    rule: Type.Optional(Type.Enum([...rules])),
    limit: Type.Integer({ minimum: 1, maximum: 200, default: 200 }),
    cursor: Type.Optional(Cursor),
  },
  closed,
)
