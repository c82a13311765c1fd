import type { FilterQuery } from '@mikro-orm/core'
import type { Actor, Role } from '../audit/actor.ts'
import type { EntityManager } from '../platform/database.ts'
import { containing } from '../platform/filters.ts'
import { readPage, type Page, type SortedPageQuery } from '../platform/read-page.ts'
import { timeOrNone, type Sorting } from '../platform/sorting.ts'
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

/** What users can be sorted by. They are few: none of it has an index. */
export const userSorting: Sorting<User> = {
  columns: {
    made: { is: 'id' },
    name: { is: 'text', sql: 'name', of: (u) => u.name },
    email: { is: 'text', sql: 'email', of: (u) => u.email },
    role: { is: 'text', sql: 'role', of: (u) => u.role },
    seen: timeOrNone('last_sign_in_at', (u) => u.lastSignInAt, 'first'),
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
    used: timeOrNone('last_used_at', (t) => t.lastUsedAt, 'first'),
    expires: timeOrNone('expires_at', (t) => t.expiresAt),
  },
  usual: '-made',
}

/** Users, newest first unless `sort` says otherwise. @throws Problem CURSOR_INVALID */
export async function listUsers(
  em: EntityManager,
  { role, state, q }: UserFilter,
  page: SortedPageQuery,
): Promise<Page<User>> {
  const where: FilterQuery<User> = {
    ...(role !== undefined && { role }),
    ...(state !== undefined && { disabledAt: state === 'active' ? null : { $ne: null } }),
    ...(q !== undefined && { $or: [{ name: containing(q) }, { email: containing(q) }] }),
  }
  return readPage({ em, entity: User, where: [where], sorting: userSorting }, page)
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
  page: SortedPageQuery,
): Promise<Page<ApiToken>> {
  const where: FilterQuery<ApiToken> = {
    ...(role !== undefined && { role }),
    ...(by !== undefined && { createdByName: containing(by) }),
  }
  const wanted = [tokensOf(actor), where, state === undefined ? {} : inState(state, now)]
  return readPage({ em, entity: ApiToken, where: wanted, sorting: tokenSorting }, page)
}

/** As `describeToken` says it. */
function inState(state: (typeof tokenStates)[number], now: Date): FilterQuery<ApiToken> {
  if (state === 'revoked') return { revokedAt: { $ne: null } }
  if (state === 'expired') return { revokedAt: null, expiresAt: { $lte: now } }
  return { revokedAt: null, $or: [{ expiresAt: null }, { expiresAt: { $gt: now } }] }
}
