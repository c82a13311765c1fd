import type { FilterQuery } from '@mikro-orm/core'
import type { Actor, Role } from '../audit/actor.ts'
import type { EntityManager } from '../platform/database.ts'
import { readPage, type Page, type PageQuery } from '../platform/read-page.ts'
import { orderOf, type Sorting } from '../platform/sorting.ts'
import { ApiToken } from './api-token.ts'
import { tokensOf } from './revoke-token.ts'
import { User } from './user.ts'

export const userStates = ['active', 'disabled'] as const

/** What a list of users is narrowed to. */
export interface UserFilter {
  role?: Role
  state?: (typeof userStates)[number]
  /** Part of the name or of the email address. */
  q?: string
}

export const tokenStates = ['active', 'expired', 'revoked'] as const

/** What a list of API tokens is narrowed to. */
export interface TokenFilter {
  role?: Role
  state?: (typeof tokenStates)[number]
  /** Part of the name of who made it. */
  by?: string
}

type Sorted = PageQuery & { sort?: string | undefined }

/** Stand in for times that there are none of, at the end of the order that they belong to. */
const [longAgo, never] = ['1970-01-01T00:00:00.000Z', '9999-12-31T00:00:00.000Z']

/** What users can be sorted by. They are few: none of it has an index. */
export const userSorting: Sorting<User> = {
  columns: {
    made: { is: 'id' },
    name: { is: 'text', sql: 'name', of: (u) => u.name },
    email: { is: 'text', sql: 'email', of: (u) => u.email },
    role: { is: 'text', sql: 'role', of: (u) => u.role },
    seen: {
      is: 'time',
      sql: `coalesce(last_sign_in_at, timestamptz '${longAgo}')`,
      of: (u) => u.lastSignInAt ?? new Date(longAgo),
    },
  },
  usual: '-made',
}

/** What API tokens can be sorted by. They are few: none of it has an index. */
export const tokenSorting: Sorting<ApiToken> = {
  columns: {
    made: { is: 'id' },
    name: { is: 'text', sql: 'name', of: (t) => t.name },
    role: { is: 'text', sql: 'role', of: (t) => t.role },
    by: { is: 'text', sql: 'created_by_name', of: (t) => t.createdByName },
    used: {
      is: 'time',
      sql: `coalesce(last_used_at, timestamptz '${longAgo}')`,
      of: (t) => t.lastUsedAt ?? new Date(longAgo),
    },
    expires: {
      is: 'time',
      sql: `coalesce(expires_at, timestamptz '${never}')`,
      of: (t) => t.expiresAt ?? new Date(never),
    },
  },
  usual: '-made',
}

/** Users, newest first unless `sort` says otherwise. @throws Problem CURSOR_INVALID */
export async function listUsers(
  em: EntityManager,
  { role, state, q }: UserFilter,
  { sort, ...page }: Sorted,
): Promise<Page<User>> {
  const where: FilterQuery<User> = {
    ...(role !== undefined && { role }),
    ...(state !== undefined && { disabledAt: state === 'active' ? null : { $ne: null } }),
    ...(q !== undefined && { $or: [{ name: containing(q) }, { email: containing(q) }] }),
  }
  const order = orderOf(userSorting, sort)
  const find = (after: FilterQuery<User>[], limit: number) =>
    em.fork().find(User, { $and: [where, ...after] }, { orderBy: order.orderBy, limit })
  return readPage({ order, find }, page)
}

/**
 * The API tokens that somebody may see, revoked and expired ones included, newest first unless `sort` says otherwise.
 * @param now decides which ones are expired
 * @throws Problem CURSOR_INVALID
 */
export async function listTokens(
  em: EntityManager,
  { actor, now }: { actor: Actor; now: Date },
  { role, state, by }: TokenFilter,
  { sort, ...page }: Sorted,
): Promise<Page<ApiToken>> {
  const where: FilterQuery<ApiToken> = {
    ...(role !== undefined && { role }),
    ...(by !== undefined && { createdByName: containing(by) }),
  }
  const wanted = [tokensOf(actor), where, state === undefined ? {} : inState(state, now)]
  const order = orderOf(tokenSorting, sort)
  const find = (after: FilterQuery<ApiToken>[], limit: number) =>
    em.fork().find(ApiToken, { $and: [...wanted, ...after] }, { orderBy: order.orderBy, limit })
  return readPage({ order, find }, page)
}

/** As `describeToken` says it. */
function inState(state: (typeof tokenStates)[number], now: Date): FilterQuery<ApiToken> {
  if (state === 'revoked') return { revokedAt: { $ne: null } }
  if (state === 'expired') return { revokedAt: null, expiresAt: { $lte: now } }
  return { revokedAt: null, $or: [{ expiresAt: null }, { expiresAt: { $gt: now } }] }
}

function containing(text: string) {
  return { $ilike: `%${text.replace(/[\\%_]/g, '\\$&')}%` }
}
