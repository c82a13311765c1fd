import Type from 'typebox'
import { operations } from './gate-policy.ts'

const closed = { additionalProperties: false } as const
const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const Time = Type.String({ format: 'date-time' })
const ScopeOf = Type.Unsafe<Record<string, unknown>>(Type.Ref('Scope'))
const Operation = Type.Enum([...operations])

export const GateParams = Type.Object({ dataset: Type.String({ maxLength: 300 }) }, closed)

export const GateQuery = Type.Object(
  {
    operation: Operation,
    all: Type.Optional(Type.Literal(true, { description: 'Of all records; the default.' })),
    key: Type.Optional(
      Type.Unsafe<string | string[]>({
        type: ['string', 'array'],
        items: { type: 'string', minLength: 1, maxLength: 2000 },
        minLength: 1,
        maxLength: 2000,
        minItems: 1,
        maxItems: 200,
        description:
          'Of this record, or these when it is given several times: a key, or a JSON array where it has several columns.',
      }),
    ),
    month: Type.Optional(Type.String({ maxLength: 20, description: 'Of a month such as 2026-10.' })),
    from: Type.Optional(
      Type.String({ maxLength: 40, description: 'Of a period: a day, or an instant. Inclusive.' }),
    ),
    to: Type.Optional(Type.String({ maxLength: 40, description: 'The same, exclusive.' })),
  },
  closed,
)

export const GateVerdictBody = Type.Object(
  {
    dataset: Type.String(),
    operation: Operation,
    scope: ScopeOf,
    open: Type.Boolean({ description: 'The operation may go ahead.' }),
    code: Nullable(
      Type.Enum(['SNAPSHOT_REQUIRED', 'SNAPSHOT_STALE'], { description: 'Why the gate is closed.' }),
    ),
    detail: Type.String({ description: 'The verdict in words.' }),
    maxAge: Nullable(
      Type.String({ description: 'How old the snapshot may be; null when the dataset asks for none.' }),
    ),
    maxAgeSeconds: Nullable(Type.Integer()),
    snapshot: Nullable(
      Type.Object(
        { id: Type.String({ format: 'uuid' }), scope: ScopeOf, takenAt: Time, verifiedAt: Nullable(Time) },
        { ...closed, description: 'The latest that covers the scope, or the one that lacks least of it.' },
      ),
    ),
    ageSeconds: Nullable(Type.Integer()),
    missing: Nullable(Type.String({ description: 'What of the scope that snapshot does not cover.' })),
    clearWith: Nullable(
      Type.Object(
        {
          method: Type.Literal('POST'),
          path: Type.Literal('/api/snapshots'),
          body: Type.Object({ dataset: Type.String(), scope: ScopeOf, reuseWithin: Type.String() }, closed),
        },
        { ...closed, description: 'The call after which the gate is open.' },
      ),
    ),
  },
  { ...closed, $id: 'GateVerdict' },
)
