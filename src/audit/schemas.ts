import Type, { type Static } from 'typebox'
import { Cursor, Limit, ListOf } from '../platform/cursors.ts'
import type { ChainedEntry } from './chain.ts'

const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const Hash = Type.String({ pattern: '^[0-9a-f]{64}$' })

export const AuditEntrySchema = Type.Object(
  {
    seq: Type.Integer({ description: 'Place in the chain: 1 for the first, without gaps.' }),
    id: Type.String({ format: 'uuid' }),
    at: Type.String({ format: 'date-time', description: 'UTC, to the microsecond.' }),
    actor: Type.Object(
      {
        type: Type.Enum(['user', 'token', 'system', 'anonymous']),
        id: Nullable(Type.String()),
        name: Type.String(),
        email: Nullable(Type.String()),
        role: Type.String(),
      },
      { additionalProperties: false },
    ),
    action: Type.String({
      description:
        'What was done (`snapshot.taken`), or what was refused: the permission it needed (`snapshots:create`).',
    }),
    outcome: Type.Enum(['done', 'refused', 'failed']),
    entityType: Type.String(),
    entityIds: Type.Array(Type.String()),
    dataset: Nullable(Type.String()),
    requestId: Nullable(Type.String()),
    address: Nullable(Type.String()),
    metadata: Type.Record(Type.String(), Type.Unknown()),
    snapshotId: Nullable(Type.String({ description: 'The snapshot that preceded the change.' })),
    previousHash: Hash,
    hash: Hash,
  },
  { $id: 'AuditEntry', additionalProperties: false },
)

export const AuditQuery = Type.Object(
  {
    actor: Type.Optional(
      Type.String({ minLength: 1, maxLength: 320, description: 'Id, or email address, or name of a token.' }),
    ),
    action: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
    dataset: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
    entityType: Type.Optional(
      Type.String({ minLength: 1, maxLength: 100, description: 'Of what `entityId` names: `snapshot`.' }),
    ),
    entityId: Type.Optional(Type.String({ minLength: 1, maxLength: 500 })),
    requestId: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    outcome: Type.Optional(Type.Enum(['done', 'refused', 'failed'])),
    from: Type.Optional(Type.String({ format: 'date-time', description: 'Inclusive.' })),
    to: Type.Optional(Type.String({ format: 'date-time', description: 'Exclusive.' })),
    cursor: Type.Optional(Cursor),
    limit: Limit,
  },
  { additionalProperties: false, dependentRequired: { entityType: ['entityId'] } },
)

export const AuditList = ListOf(Type.Ref('AuditEntry'))

export const VerificationQuery = Type.Object(
  {
    head: Type.Optional(
      Type.String({
        pattern: '^[1-9][0-9]{0,14}:[0-9a-f]{64}$',
        description:
          '`seq:hash` of a head published before; shows whether the tail was cut off or rewritten. Default: the newest in the store.',
      }),
    ),
  },
  { additionalProperties: false },
)

export const Verification = Type.Object(
  {
    ok: Type.Boolean(),
    entries: Type.Integer({ description: 'How many are right, up to the first that is not.' }),
    head: Nullable(
      Type.Object({ seq: Type.Integer(), hash: Hash }, { description: 'The last right one. Publish it.' }),
    ),
    published: Nullable(
      Type.Object(
        {
          seq: Type.Integer(),
          hash: Hash,
          publishedAt: Type.Optional(Type.String({ format: 'date-time' })),
        },
        { description: 'The head that the chain was compared with; null: there was none.' },
      ),
    ),
    problem: Nullable(
      Type.Object({
        seq: Type.Integer(),
        id: Nullable(Type.String()),
        kind: Type.Enum(['edited', 'removed', 'reordered', 'inserted', 'cut', 'rewritten']),
        detail: Type.String(),
      }),
    ),
    checkedAt: Type.String({ format: 'date-time' }),
  },
  { $id: 'AuditVerification', additionalProperties: false },
)

export const CheckParams = Type.Object(
  { id: Type.String({ format: 'uuid' }) },
  { additionalProperties: false },
)

export const AuditCheckSchema = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    status: Type.Enum(['running', 'completed']),
    createdBy: Type.String(),
    createdAt: Type.String({ format: 'date-time' }),
    finishedAt: Nullable(Type.String({ format: 'date-time' })),
    total: Type.Integer({ description: 'How many entries there were when it was asked for.' }),
    checked: Type.Integer({ description: 'How many were found right so far.' }),
    verification: Nullable(Type.Ref('AuditVerification')),
  },
  { $id: 'AuditCheck', additionalProperties: false },
)

/** An entry as the API and the download show it. */
export function presentEntry(entry: ChainedEntry): Static<typeof AuditEntrySchema> {
  return {
    seq: entry.seq,
    id: entry.id,
    at: entry.at,
    actor: {
      type: entry.actorType as 'user',
      id: entry.actorId ?? null,
      name: entry.actorName,
      email: entry.actorEmail ?? null,
      role: entry.actorRole,
    },
    action: entry.action,
    outcome: entry.outcome as 'done',
    entityType: entry.entityType,
    entityIds: entry.entityIds,
    dataset: entry.dataset ?? null,
    requestId: entry.requestId ?? null,
    address: entry.address ?? null,
    metadata: JSON.parse(entry.metadata) as Record<string, unknown>,
    snapshotId: entry.snapshotId ?? null,
    previousHash: entry.previousHash,
    hash: entry.hash,
  }
}
