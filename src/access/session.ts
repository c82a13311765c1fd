import { defineEntity, p } from '@mikro-orm/core'
import { identity } from '../platform/entity.ts'
import { User } from './user.ts'

const hour = 3_600_000

/** A session ends after this long without a request. */
export const idleMs = 12 * hour

/** And this long after it began, whatever happens. */
export const lifetimeMs = 7 * 24 * hour

const SessionSchema = defineEntity({
  name: 'Session',
  tableName: 'sessions',
  properties: {
    ...identity,
    user: () => p.manyToOne(User),
    /** SHA-256 of what the cookie holds. */
    digest: p.string(),
    createdAt: p.datetime(),
    /** To the minute. */
    lastSeenAt: p.datetime(),
    address: p.string(),
    userAgent: p.string(),
  },
})

/** A browser in which a person is signed in. */
export class Session extends SessionSchema.class {
  /** When it ends if nothing more is heard of it. */
  expiresAt(): Date {
    return new Date(Math.min(this.lastSeenAt.getTime() + idleMs, this.createdAt.getTime() + lifetimeMs))
  }

  isOver(now: Date): boolean {
    return this.expiresAt() <= now || this.user.disabledAt !== null
  }
}
SessionSchema.setClass(Session)
