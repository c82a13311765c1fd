import { defineEntity, p } from '@mikro-orm/core'
import { roles, type Actor, type Role } from '../audit/actor.ts'
import { identity } from '../platform/entity.ts'

const UserSchema = defineEntity({
  name: 'User',
  tableName: 'users',
  properties: {
    ...identity,
    /** In lower case; what datasets' parties know the person by. */
    email: p.string(),
    name: p.string(),
    role: p.enum(roles),
    passwordHash: p.string(),
    createdAt: p.datetime(),
    lastSignInAt: p.datetime().strictNullable(),
    disabledAt: p.datetime().strictNullable(),
  },
})

/** A person who signs in. */
export class User extends UserSchema.class {
  disable(now: Date): void {
    this.disabledAt ??= now
  }

  enable(): void {
    this.disabledAt = null
  }

  /** The user as the one who does something. */
  actor(): Actor & { role: Role } {
    return { type: 'user', id: this.id, name: this.name, email: this.email, role: this.role }
  }
}
UserSchema.setClass(User)

/** An email address as it is stored and compared. */
export function normalEmail(email: string): string {
  return email.trim().toLowerCase()
}
