import type { FastifyRequest } from 'fastify'
import { ApiToken } from './api-token.ts'
import { findSession, findToken } from './queries.ts'
import { digestOf } from './secrets.ts'
import { readSessionCookie } from './session-cookie.ts'
import { Session } from './session.ts'

/** How exact "last used" and "last seen" are: else every request would write. */
const coarseMs = 60_000

/**
 * Finds out who asks, by the API token or the session cookie of the request, and sets `request.actor`. A token that is
 * shown is the only thing that counts, right or wrong. Expiry and revocation take effect with the next request: nothing
 * is remembered.
 */
export async function authenticate(request: FastifyRequest): Promise<void> {
  const { authorization } = request.headers
  const cookie = readSessionCookie(request)
  request.showedCredentials = authorization !== undefined || cookie !== undefined
  if (authorization !== undefined) return byToken(request, authorization)
  if (cookie !== undefined) return bySession(request, cookie)
}

async function byToken(request: FastifyRequest, authorization: string): Promise<void> {
  const [, secret] = /^Bearer +([\w.~+/=-]{1,512})$/i.exec(authorization) ?? []
  if (secret === undefined) return
  const { orm, clock } = request.server
  const now = clock.now()
  const token = await findToken(orm.em, digestOf(secret))
  if (token === null || token.isOver(now)) return
  request.actor = token.actor()
  const before = new Date(now.getTime() - coarseMs)
  if (token.lastUsedAt === null || token.lastUsedAt < before) {
    const stale = { id: token.id, $or: [{ lastUsedAt: null }, { lastUsedAt: { $lt: before } }] }
    await orm.em.nativeUpdate(ApiToken, stale, { lastUsedAt: now })
  }
}

async function bySession(request: FastifyRequest, secret: string): Promise<void> {
  const { orm, clock } = request.server
  const now = clock.now()
  const session = await findSession(orm.em, digestOf(secret))
  if (session === null || session.isOver(now)) return
  request.actor = session.user.actor()
  request.sessionId = session.id
  const before = new Date(now.getTime() - coarseMs)
  if (session.lastSeenAt < before)
    await orm.em.nativeUpdate(Session, { id: session.id, lastSeenAt: { $lt: before } }, { lastSeenAt: now })
}
