import Type, { type Static } from 'typebox'
import { roles } from '../audit/actor.ts'
import { ListOf } from '../platform/cursors.ts'
import type { ApiToken } from './api-token.ts'
import { passwordLength } from './passwords.ts'
import type { Session } from './session.ts'
import type { User } from './user.ts'

const strict = { additionalProperties: false } as const
const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const Id = Type.String({ format: 'uuid' })
const Time = Type.String({ format: 'date-time' })

/** No control characters, and something to see. */
const Name = Type.String({
  minLength: 1,
  maxLength: 200,
  pattern: String.raw`^(?=.*\S)[^\u0000-\u001f\u007f]+$`,
})
const Email = Type.String({ format: 'email', maxLength: 254 })

export const RoleName = Type.Enum([...roles], {
  description:
    'admin may everything; operator takes snapshots and restores; viewer looks; member may only do what the parties of a dataset grant.',
})

/** An existing password: whatever it is, comparing it says whether it is right. */
const GivenPassword = Type.String({ minLength: 1, maxLength: 1000 })
export const NewPassword = Type.String({
  ...passwordLength,
  description: 'Length counts; a few unrelated words are fine.',
})

export const IdParams = Type.Object({ id: Id }, strict)

export const SignInBody = Type.Object(
  { email: Type.String({ minLength: 1, maxLength: 254 }), password: GivenPassword },
  strict,
)

export const PasswordBody = Type.Object({ currentPassword: GivenPassword, password: NewPassword }, strict)

export const NewUserBody = Type.Object(
  { email: Email, name: Name, role: RoleName, password: NewPassword },
  strict,
)

export const SetupBody = Type.Object(
  { token: Type.String({ minLength: 1, maxLength: 200 }), email: Email, name: Name, password: NewPassword },
  strict,
)

export const UserChangesBody = Type.Object(
  {
    name: Type.Optional(Name),
    role: Type.Optional(RoleName),
    disabled: Type.Optional(Type.Boolean()),
    password: Type.Optional(NewPassword),
  },
  { ...strict, minProperties: 1 },
)

export const NewTokenBody = Type.Object(
  {
    name: Name,
    role: RoleName,
    expiresAt: Type.Optional(
      Nullable(Type.String({ format: 'date-time', description: 'null: until revoked.' })),
    ),
  },
  strict,
)

export const UserResource = Type.Object(
  {
    id: Id,
    email: Type.String(),
    name: Type.String(),
    role: RoleName,
    disabled: Type.Boolean(),
    createdAt: Time,
    lastSignInAt: Nullable(Time),
  },
  { $id: 'User', ...strict },
)

export const SessionResource = Type.Object(
  {
    id: Id,
    current: Type.Boolean({ description: 'The one that this request came in.' }),
    createdAt: Time,
    lastSeenAt: Type.String({ format: 'date-time', description: 'To the minute.' }),
    expiresAt: Type.String({ format: 'date-time', description: 'If nothing more is heard of it.' }),
    address: Type.String(),
    userAgent: Type.String(),
  },
  { $id: 'Session', ...strict },
)

const tokenProperties = {
  id: Id,
  name: Type.String(),
  role: RoleName,
  createdBy: Type.Object({ id: Nullable(Id), name: Type.String() }, strict),
  createdAt: Time,
  expiresAt: Nullable(Time),
  lastUsedAt: Nullable(Type.String({ format: 'date-time', description: 'To the minute.' })),
  revokedAt: Nullable(Time),
}

export const TokenResource = Type.Object(tokenProperties, { $id: 'ApiToken', ...strict })

export const NewTokenResource = Type.Object(
  {
    ...tokenProperties,
    token: Type.String({ description: 'For the Authorization header. Shown only now.' }),
  },
  { $id: 'NewApiToken', ...strict },
)

export const Me = Type.Object(
  {
    type: Type.Enum(['user', 'token']),
    id: Id,
    name: Type.String(),
    email: Nullable(Type.String()),
    role: RoleName,
    permissions: Type.Array(Type.String(), { description: '`resource:action`' }),
  },
  { $id: 'Me', ...strict },
)

export const PermissionMatrix = Type.Object(
  {
    roles: Type.Array(RoleName),
    permissions: Type.Array(
      Type.Object(
        {
          permission: Type.String({ description: '`resource:action`' }),
          resource: Type.String(),
          action: Type.String(),
          description: Type.String(),
          roles: Type.Array(RoleName, {
            description: "Who has it. A member has it only for records whose dataset's parties grant it.",
          }),
        },
        strict,
      ),
    ),
  },
  { $id: 'PermissionMatrix', ...strict },
)

export const UserList = ListOf(Type.Ref('User'))
export const TokenList = ListOf(Type.Ref('ApiToken'))
export const SessionList = ListOf(Type.Ref('Session'))

export function presentUser(user: User): Static<typeof UserResource> {
  return {
    id: user.id,
    email: user.email,
    name: user.name,
    role: user.role,
    disabled: user.disabledAt !== null,
    createdAt: user.createdAt.toISOString(),
    lastSignInAt: user.lastSignInAt?.toISOString() ?? null,
  }
}

export function presentSession(session: Session, currentId: string | null): Static<typeof SessionResource> {
  return {
    id: session.id,
    current: session.id === currentId,
    createdAt: session.createdAt.toISOString(),
    lastSeenAt: session.lastSeenAt.toISOString(),
    expiresAt: session.expiresAt().toISOString(),
    address: session.address,
    userAgent: session.userAgent,
  }
}

export function presentToken(token: ApiToken): Static<typeof TokenResource> {
  return {
    id: token.id,
    name: token.name,
    role: token.role,
    createdBy: { id: token.createdBy, name: token.createdByName },
    createdAt: token.createdAt.toISOString(),
    expiresAt: token.expiresAt?.toISOString() ?? null,
    lastUsedAt: token.lastUsedAt?.toISOString() ?? null,
    revokedAt: token.revokedAt?.toISOString() ?? null,
  }
}

/** The same with the state it is in, for pages. */
export function describeToken(token: ApiToken, now: Date) {
  const state = token.revokedAt !== null ? 'revoked' : token.isOver(now) ? 'expired' : 'active'
  return { ...presentToken(token), state }
}
