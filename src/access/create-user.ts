import { UniqueConstraintViolationException } from '@mikro-orm/core'
import type { FastifyInstance } from 'fastify'
import type { Cause, Role } from '../audit/actor.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { EntityManager } from '../platform/database.ts'
import { newId } from '../platform/entity.ts'
import { acceptPassword } from './accept-password.ts'
import { accessProblems } from './errors.ts'
import { normalEmail, User } from './user.ts'

export interface NewUser {
  email: string
  name: string
  role: Role
  password: string
}

/**
 * Makes a user.
 * @throws EMAIL_TAKEN, PASSWORD_WEAK
 */
export async function createUser(app: FastifyInstance, given: NewUser, cause: Cause): Promise<User> {
  const passwordHash = await acceptPassword(given.password, [given.email, given.name])
  return app.orm.em.fork().transactional((em) => insertUser(em, given, passwordHash, app.clock.now(), cause))
}

/**
 * Writes a user and the audit entry, in the entity manager's transaction.
 * @param cause null when the user is the one who makes themselves: the first one, at the setup
 */
export async function insertUser(
  em: EntityManager,
  given: NewUser,
  passwordHash: string,
  now: Date,
  cause: Cause | Omit<Cause, 'actor'>,
): Promise<User> {
  const email = normalEmail(given.email)
  const name = given.name.trim()
  const facts = { id: newId(), email, name, role: given.role, passwordHash, createdAt: now }
  const user = em.create(User, { ...facts, lastSignInAt: null, disabledAt: null })
  await em.flush().catch((error: unknown) => {
    if (error instanceof UniqueConstraintViolationException)
      throw accessProblems.EMAIL_TAKEN(`There is a user with the email address ${email}.`)
    throw error
  })
  await appendAudit(em, {
    actor: user.actor(),
    ...cause,
    action: 'user.created',
    entityType: 'user',
    entityIds: [user.id],
    metadata: { email, name, role: given.role },
  })
  return user
}
