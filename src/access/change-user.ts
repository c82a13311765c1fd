import { LockMode } from '@mikro-orm/core'
import type { FastifyInstance } from 'fastify'
import type { Cause, Role } from '../audit/actor.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { EntityManager } from '../platform/database.ts'
import { acceptPassword } from './accept-password.ts'
import { endSessionsOf } from './end-sessions.ts'
import { accessProblems } from './errors.ts'
import { revokeTokensOf } from './revoke-token.ts'
import { User } from './user.ts'

/** What may change. Absent fields stay as they are. */
export interface UserChanges {
  name?: string
  role?: Role
  disabled?: boolean
  password?: string
}

/**
 * Changes a user. A new role, a new password and disabling end the user's sessions at once; the API tokens they made
 * end too when they are disabled, or when a token may do more than the user now may.
 * @throws USER_NOT_FOUND, LAST_ADMIN, PASSWORD_WEAK
 */
export async function changeUser(
  app: FastifyInstance,
  id: string,
  changes: UserChanges,
  cause: Cause,
): Promise<User> {
  const passwordHash = await newPasswordHash(app, id, changes)
  const now = app.clock.now()
  return app.orm.em.fork().transactional(async (em) => {
    const { user, isLastAdmin } = await lockUser(em, id)
    const before = factsOf(user)
    apply(user, changes, now)
    if (passwordHash !== null) user.passwordHash = passwordHash
    const after = factsOf(user)
    const isRestricted = after.role !== before.role || (after.disabled && !before.disabled)
    if (isRestricted && isLastAdmin) throw accessProblems.LAST_ADMIN(`${user.email} is the last admin.`)
    const sessionsEnded = isRestricted || passwordHash !== null ? await endSessionsOf(em, id) : 0
    const tokensRevoked = isRestricted ? await revokeTokensOf(em, user, now) : []
    await appendAudit(em, {
      ...cause,
      action: 'user.changed',
      entityType: 'user',
      entityIds: [id],
      metadata: { before, after, passwordChanged: passwordHash !== null, sessionsEnded, tokensRevoked },
    })
    return user
  })
}

/** Before the transaction: it takes its time, and locks should not wait for it. */
async function newPasswordHash(
  app: FastifyInstance,
  id: string,
  changes: UserChanges,
): Promise<string | null> {
  if (changes.password === undefined) return null
  const user = await app.orm.em.fork().findOne(User, { id })
  return acceptPassword(changes.password, [user?.email ?? '', changes.name ?? user?.name ?? ''])
}

function factsOf(user: User) {
  return { name: user.name, role: user.role, disabled: user.disabledAt !== null }
}

function apply(user: User, { name, role, disabled }: UserChanges, now: Date): void {
  if (name !== undefined) user.name = name.trim()
  if (role !== undefined) user.role = role
  if (disabled === true) user.disable(now)
  if (disabled === false) user.enable()
}

/** Locks all active admins along with the user, so that two who demote each other take turns. */
async function lockUser(em: EntityManager, id: string): Promise<{ user: User; isLastAdmin: boolean }> {
  const locked = await em.find(
    User,
    { $or: [{ id }, { role: 'admin', disabledAt: null }] },
    { lockMode: LockMode.PESSIMISTIC_WRITE, orderBy: { id: 'asc' } },
  )
  const user = locked.find((one) => one.id === id)
  if (user === undefined) throw accessProblems.USER_NOT_FOUND(`There is no user ${id}.`)
  const admins = locked.filter((one) => one.role === 'admin' && one.disabledAt === null)
  return { user, isLastAdmin: admins.length === 1 && admins[0] === user }
}
