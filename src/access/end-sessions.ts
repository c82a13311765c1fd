import { LockMode } from '@mikro-orm/core'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { causeOf, type Cause } from '../audit/actor.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { EntityManager } from '../platform/database.ts'
import { accessProblems } from './errors.ts'
import { Session } from './session.ts'
import { User } from './user.ts'

/** Signs out: the session is gone with the answer. Without one there is nothing to end. */
export async function signOut(request: FastifyRequest): Promise<void> {
  const { sessionId } = request
  if (sessionId !== null) await endOne(request, sessionId, 'session.ended')
}

/**
 * Ends a session of the person who asks, in another browser or this one.
 * @throws SESSION_NOT_FOUND, for those of others too
 */
export async function endSession(request: FastifyRequest, id: string): Promise<void> {
  const isGone = await endOne(request, id, 'session.revoked')
  if (!isGone) throw accessProblems.SESSION_NOT_FOUND(`You have no session ${id}.`)
}

async function endOne(request: FastifyRequest, id: string, action: string): Promise<boolean> {
  const { actor } = request
  if (actor.type !== 'user' || actor.id === null)
    throw accessProblems.USERS_ONLY('An API token has no sessions.')
  const userId = actor.id
  return request.server.orm.em.fork().transactional(async (em) => {
    const ended = await em.nativeDelete(Session, { id, user: userId })
    if (ended === 0) return false
    const entry = { action, entityType: 'user', entityIds: [userId], metadata: { sessionId: id } }
    await appendAudit(em, { ...causeOf(request), ...entry })
    return true
  })
}

/**
 * Ends all sessions of a user, because an admin wants it so. The password stays.
 * @returns how many
 * @throws USER_NOT_FOUND
 */
export async function endUserSessions(app: FastifyInstance, userId: string, cause: Cause): Promise<number> {
  return app.orm.em.fork().transactional(async (em) => {
    // Locked, as whoever starts a session does: one that begins now is either ended as well or comes after.
    const user = await em.findOne(User, { id: userId }, { lockMode: LockMode.PESSIMISTIC_WRITE })
    if (user === null) throw accessProblems.USER_NOT_FOUND(`There is no user ${userId}.`)
    const sessionsEnded = await endSessionsOf(em, userId)
    const entry = { action: 'user.sessions_ended', entityType: 'user', entityIds: [userId] }
    await appendAudit(em, { ...cause, ...entry, metadata: { sessionsEnded } })
    return sessionsEnded
  })
}

/** Ends all sessions of a user, in the entity manager's transaction. @returns how many */
export async function endSessionsOf(em: EntityManager, userId: string): Promise<number> {
  return em.nativeDelete(Session, { user: userId })
}
