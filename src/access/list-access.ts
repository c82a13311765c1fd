import Type from 'typebox'
import type { Actor } from '../audit/actor.ts'
import { decodeCursor, encodeCursor } from '../platform/cursors.ts'
import type { EntityManager } from '../platform/database.ts'
import { ApiToken } from './api-token.ts'
import { tokensOf } from './revoke-token.ts'
import { User } from './user.ts'

interface Page {
  cursor?: string
  limit: number
}

interface Listed<Item> {
  items: Item[]
  nextCursor: string | null
}

/** Users, newest first. @throws CURSOR_INVALID */
export async function listUsers(em: EntityManager, page: Page): Promise<Listed<User>> {
  const found = await em.find(User, before(page), { orderBy: { id: 'desc' }, limit: page.limit + 1 })
  return cutAt(page.limit, found)
}

/** The API tokens that somebody may see, newest first, revoked and expired ones included. @throws CURSOR_INVALID */
export async function listTokens(em: EntityManager, actor: Actor, page: Page): Promise<Listed<ApiToken>> {
  const where = { ...before(page), ...tokensOf(actor) }
  const found = await em.find(ApiToken, where, { orderBy: { id: 'desc' }, limit: page.limit + 1 })
  return cutAt(page.limit, found)
}

const Position = Type.Tuple([Type.String({ format: 'uuid' })])

/** Ids are in the order of their making. */
function before({ cursor }: Page): { id?: { $lt: string } } {
  const position = decodeCursor(cursor, Position)
  return position === null ? {} : { id: { $lt: position[0] } }
}

function cutAt<Item extends { id: string }>(limit: number, found: Item[]): Listed<Item> {
  const last = found.length > limit ? found[limit - 1] : undefined
  return { items: found.slice(0, limit), nextCursor: last === undefined ? null : encodeCursor([last.id]) }
}
