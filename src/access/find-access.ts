import type { Actor } from '../audit/actor.ts'
import type { EntityManager } from '../platform/database.ts'
import { ApiToken } from './api-token.ts'
import { accessProblems } from './errors.ts'
import { tokensOf } from './revoke-token.ts'
import { idleMs, lifetimeMs, Session } from './session.ts'
import { User } from './user.ts'

/** @throws USER_NOT_FOUND */
export async function findUser(em: EntityManager, id: string): Promise<User> {
  const user = await em.findOne(User, { id })
  if (user === null) throw accessProblems.USER_NOT_FOUND(`There is no user ${id}.`)
  return user
}

/** @throws TOKEN_NOT_FOUND, for those of others too */
export async function findToken(em: EntityManager, actor: Actor, id: string): Promise<ApiToken> {
  const token = await em.findOne(ApiToken, { id, ...tokensOf(actor) })
  if (token === null) throw accessProblems.TOKEN_NOT_FOUND(`There is no token ${id}.`)
  return token
}

/** In which browsers somebody is signed in now, the latest first. */
export async function sessionsOf(em: EntityManager, userId: string, now: Date): Promise<Session[]> {
  const alive = {
    user: userId,
    lastSeenAt: { $gt: new Date(now.getTime() - idleMs) },
    createdAt: { $gt: new Date(now.getTime() - lifetimeMs) },
  }
  const found = await em.find(Session, alive, { populate: ['user'], orderBy: { id: 'desc' } })
  return found.filter((session) => !session.isOver(now))
}
