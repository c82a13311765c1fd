import { LockMode } from '@mikro-orm/core'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { appendAudit } from '../audit/append-audit.ts'
import { acceptPassword } from './accept-password.ts'
import { insertUser, type NewUser } from './create-user.ts'
import { accessProblems } from './errors.ts'
import { lockFirstStart } from './queries.ts'
import { digestOf, newSecret } from './secrets.ts'
import { SetupLink, setupLinkMs } from './setup-link.ts'
import { startSession, type StartedSession } from './start-session.ts'
import { User } from './user.ts'

/**
 * While there is no user: makes the link that lets whoever can read the start's output make the first admin. It is good
 * for one hour and one use; making another voids it.
 * @param origin where the service listens, such as `http://127.0.0.1:3000`
 * @returns null once there is a user
 */
export async function makeSetupLink(app: FastifyInstance, origin: string): Promise<string | null> {
  const secret = newSecret()
  const expiresAt = new Date(app.clock.now().getTime() + setupLinkMs)
  const isMade = await app.orm.em.fork().transactional(async (em) => {
    await lockFirstStart(em)
    if ((await em.count(User)) > 0) return false
    await em.upsert(SetupLink, { single: true, digest: digestOf(secret), expiresAt })
    return true
  })
  return isMade ? `${origin}/setup?token=${secret}` : null
}

/** @throws SETUP_LINK_INVALID, SETUP_DONE */
export async function requireSetupLink(app: FastifyInstance, secret: string): Promise<void> {
  const em = app.orm.em.fork()
  if ((await em.count(User)) > 0) throw accessProblems.SETUP_DONE('There are users already.')
  const link = await em.findOne(SetupLink, { digest: digestOf(secret), expiresAt: { $gt: app.clock.now() } })
  if (link === null)
    throw accessProblems.SETUP_LINK_INVALID(
      'The link is unknown, used, replaced by a later one, or over an hour old.',
    )
}

/**
 * Makes the first user, an admin, and signs them in. The link is used up with it.
 * @throws SETUP_LINK_INVALID, SETUP_DONE, PASSWORD_WEAK
 */
export async function completeSetup(
  request: FastifyRequest,
  { token, ...given }: Omit<NewUser, 'role'> & { token: string },
): Promise<StartedSession> {
  const app = request.server
  request.showedCredentials = true
  await requireSetupLink(app, token)
  const passwordHash = await acceptPassword(given.password, [given.email, given.name])
  return app.orm.em.fork().transactional(async (em) => {
    await lockFirstStart(em)
    const link = await em.findOne(
      SetupLink,
      { digest: digestOf(token) },
      { lockMode: LockMode.PESSIMISTIC_WRITE },
    )
    if (link === null) throw accessProblems.SETUP_LINK_INVALID('The link was used meanwhile.')
    em.remove(link)
    const cause = { requestId: request.id, address: request.ip }
    const user = await insertUser(em, { ...given, role: 'admin' }, passwordHash, app.clock.now(), cause)
    const started = await startSession(em, request, user.id)
    const metadata = { sessionId: started.session.id }
    const entry = { action: 'session.started', entityType: 'user', entityIds: [user.id], metadata }
    await appendAudit(em, { ...cause, actor: user.actor(), ...entry })
    return started
  })
}
