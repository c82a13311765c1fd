import type { FastifyInstance, FastifyRequest } from 'fastify'
import { causeOf } from '../audit/actor.ts'
import { appendAudit } from '../audit/append-audit.ts'
import { accessProblems } from './errors.ts'
import { checkPassword } from './passwords.ts'
import { startSession, type StartedSession } from './start-session.ts'
import { countSignIn } from './throttle-sign-in.ts'
import { normalEmail, User } from './user.ts'

/**
 * Signs a person in: starts a new session, and ends the one that the browser had. The answer and the time it takes are
 * the same for an address that nobody has, a wrong password and a disabled user.
 * @throws SIGN_IN_REFUSED, SIGN_IN_THROTTLED
 */
export async function signIn(
  request: FastifyRequest,
  given: { email: string; password: string },
): Promise<StartedSession> {
  const app: FastifyInstance = request.server
  const now = app.clock.now()
  const email = normalEmail(given.email)
  request.showedCredentials = true
  const user = await app.orm.em.fork().findOne(User, { email })
  if (user !== null) request.concern = { entityType: 'user', entityIds: [user.id] }
  const from = { email, userId: user?.id ?? null, address: request.ip }
  const attempt = await countSignIn(app.orm.em.fork(), from, now)
  const isRight = await checkPassword(user?.passwordHash ?? null, given.password)
  if (user === null || !isRight || user.disabledAt !== null)
    throw accessProblems.SIGN_IN_REFUSED('No user has this email address and this password.')
  return app.orm.em.fork().transactional(async (em) => {
    await attempt.succeed(em, user.id)
    const started = await startSession(em, request, user.id)
    await appendAudit(em, {
      ...causeOf(request),
      actor: user.actor(),
      action: 'session.started',
      entityType: 'user',
      entityIds: [user.id],
      metadata: { sessionId: started.session.id },
    })
    return started
  })
}
