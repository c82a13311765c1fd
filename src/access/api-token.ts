import { defineEntity, p } from '@mikro-orm/core'
import { roles, type Actor, type Role } from '../audit/actor.ts'
import { identity } from '../platform/entity.ts'

const ApiTokenSchema = defineEntity({
  name: 'ApiToken',
  tableName: 'api_tokens',
  properties: {
    ...identity,
    name: p.string(),
    role: p.enum(roles),
    /** SHA-256 of the token. */
    digest: p.string(),
    /** Id of the user or the token that made it; null for the bootstrap token. */
    createdBy: p.uuid().strictNullable(),
    createdByName: p.string(),
    createdAt: p.datetime(),
    expiresAt: p.datetime().strictNullable(),
    /** To the minute. */
    lastUsedAt: p.datetime().strictNullable(),
    revokedAt: p.datetime().strictNullable(),
  },
})

/** What a script shows instead of signing in. */
export class ApiToken extends ApiTokenSchema.class {
  isOver(now: Date): boolean {
    return this.revokedAt !== null || (this.expiresAt !== null && this.expiresAt <= now)
  }

  revoke(now: Date): void {
    this.revokedAt ??= now
  }

  /** The token as the one who does something. */
  actor(): Actor & { role: Role } {
    return { type: 'token', id: this.id, name: this.name, role: this.role }
  }
}
ApiTokenSchema.setClass(ApiToken)
