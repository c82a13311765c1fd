import type { FastifyInstance, FastifyRequest } from 'fastify'
import { inGroups } from '../platform/in-groups.ts'
import { ApiToken } from './api-token.ts'
import { findSessions, findTokens } from './queries.ts'
import { digestOf } from './secrets.ts'
import { readSessionCookie } from './session-cookie.ts'
import { Session } from './session.ts'

/** How exact "last used" and "last seen" are: else every request would write. */
const coarseMs = 60_000

/**
 * What finds out who asks, by the API token or the session cookie of the request, and sets `request.actor`. A token that
 * is shown is the only thing that counts, right or wrong. Expiry and revocation take effect with the next request:
 * nothing is remembered. Requests that come at the same time are looked up together.
 */
export function authentication({ orm }: FastifyInstance): (request: FastifyRequest) => Promise<void> {
  const findToken = inGroups((digests: string[]) => findTokens(orm.em.fork(), digests))
  const findSession = inGroups((digests: string[]) => findSessions(orm.em.fork(), digests))
  return async (request) => {
    const { authorization } = request.headers
    const cookie = readSessionCookie(request)
    request.showedCredentials = authorization !== undefined || cookie !== undefined
    if (authorization !== undefined) return byToken(request, authorization, findToken)
    if (cookie !== undefined) return bySession(request, cookie, findSession)
  }
}

type Find<Found> = (digest: string) => Promise<Found | undefined>

async function byToken(request: FastifyRequest, authorization: string, find: Find<ApiToken>): Promise<void> {
  const [, secret] = /^Bearer +([\w.~+/=-]{1,512})$/i.exec(authorization) ?? []
  if (secret === undefined) return
  const { orm, clock } = request.server
  const token = await find(digestOf(secret))
  const now = clock.now()
  if (token === undefined || token.isOver(now)) return
  request.actor = token.actor()
  const before = new Date(now.getTime() - coarseMs)
  if (token.lastUsedAt === null || token.lastUsedAt < before) {
    const stale = { id: token.id, $or: [{ lastUsedAt: null }, { lastUsedAt: { $lt: before } }] }
    await orm.em.nativeUpdate(ApiToken, stale, { lastUsedAt: now })
  }
}

async function bySession(request: FastifyRequest, secret: string, find: Find<Session>): Promise<void> {
  const { orm, clock } = request.server
  const session = await find(digestOf(secret))
  const now = clock.now()
  if (session === undefined || session.isOver(now)) return
  request.actor = session.user.actor()
  request.sessionId = session.id
  const before = new Date(now.getTime() - coarseMs)
  if (session.lastSeenAt < before)
    await orm.em.nativeUpdate(Session, { id: session.id, lastSeenAt: { $lt: before } }, { lastSeenAt: now })
}
