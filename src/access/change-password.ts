import type { FastifyRequest } from 'fastify'
import { causeOf } from '../audit/actor.ts'
import { appendAudit } from '../audit/append-audit.ts'
import { requireStrongPassword } from './accept-password.ts'
import { endSessionsOf } from './end-sessions.ts'
import { accessProblems } from './errors.ts'
import { checkPassword, hashPassword } from './passwords.ts'
import { startSession, type StartedSession } from './start-session.ts'
import { countSignIn } from './throttle-sign-in.ts'
import { User } from './user.ts'

/**
 * Changes the password of the person who asks. All their sessions end; the browser that asks gets a new one.
 * @throws PASSWORD_WRONG, PASSWORD_WEAK, SIGN_IN_THROTTLED, USERS_ONLY
 */
export async function changePassword(
  request: FastifyRequest,
  given: { currentPassword: string; password: string },
): Promise<StartedSession> {
  const { orm, clock } = request.server
  const { id } = request.actor
  const user = request.actor.type === 'user' ? await orm.em.fork().findOne(User, { id }) : null
  if (user === null) throw accessProblems.USERS_ONLY('An API token has no password.')
  requireStrongPassword(given.password, [user.email, user.name])
  // Counted like attempts to sign in: whoever finds a browser unattended must not guess here instead.
  const from = { email: user.email, userId: user.id, address: request.ip }
  const attempt = await countSignIn(orm.em.fork(), from, clock.now())
  if (!(await checkPassword(user.passwordHash, given.currentPassword)))
    throw accessProblems.PASSWORD_WRONG('The present password is not right.', {
      errors: [{ pointer: '/currentPassword', detail: 'is not right' }],
    })
  const passwordHash = await hashPassword(given.password)
  return orm.em.fork().transactional(async (em) => {
    await attempt.succeed(em, user.id)
    const sessionsEnded = await endSessionsOf(em, user.id)
    const started = await startSession(em, request, user.id)
    started.user.passwordHash = passwordHash
    const metadata = { sessionsEnded, sessionId: started.session.id }
    const entry = { action: 'user.password_changed', entityType: 'user', entityIds: [user.id], metadata }
    await appendAudit(em, { ...causeOf(request), ...entry })
    return started
  })
}
