import { LockMode } from '@mikro-orm/core'
import type { FastifyRequest } from 'fastify'
import type { EntityManager } from '../platform/database.ts'
import { newId } from '../platform/entity.ts'
import { accessProblems } from './errors.ts'
import { digestOf, newSecret } from './secrets.ts'
import { readSessionCookie } from './session-cookie.ts'
import { idleMs, lifetimeMs, Session } from './session.ts'
import { User } from './user.ts'

export interface StartedSession {
  user: User
  session: Session
  /** For the cookie; stored nowhere. */
  secret: string
}

/**
 * Starts a session for a user in the browser that asks, in the entity manager's transaction, and ends the one it had:
 * what a cookie held before never names the new session.
 * @throws SIGN_IN_REFUSED for a user who was disabled meanwhile
 */
export async function startSession(
  em: EntityManager,
  request: FastifyRequest,
  userId: string,
): Promise<StartedSession> {
  const now = request.server.clock.now()
  // Locked, so that whoever disables the user also ends this session, or else comes first.
  const user = await em.findOneOrFail(
    User,
    { id: userId },
    { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true },
  )
  if (user.disabledAt !== null)
    throw accessProblems.SIGN_IN_REFUSED('No user has this email address and this password.')
  const former = readSessionCookie(request)
  if (former !== undefined) await em.nativeDelete(Session, { digest: digestOf(former) })
  await em.nativeDelete(Session, { user, $or: overBy(now) })
  user.lastSignInAt = now
  const secret = newSecret()
  const session = em.create(Session, {
    id: newId(),
    user,
    digest: digestOf(secret),
    createdAt: now,
    lastSeenAt: now,
    address: request.ip,
    userAgent: (request.headers['user-agent'] ?? '').slice(0, 500),
  })
  await em.flush()
  return { user, session, secret }
}

function overBy(now: Date) {
  return [
    { lastSeenAt: { $lt: new Date(now.getTime() - idleMs) } },
    { createdAt: { $lt: new Date(now.getTime() - lifetimeMs) } },
  ]
}
