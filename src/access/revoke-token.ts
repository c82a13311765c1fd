import { LockMode } from '@mikro-orm/core'
import type { FastifyInstance } from 'fastify'
import type { Actor, Cause } from '../audit/actor.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { EntityManager } from '../platform/database.ts'
import { ApiToken } from './api-token.ts'
import { accessProblems } from './errors.ts'
import { isWithin } from './permissions.ts'
import type { User } from './user.ts'

/** Which tokens somebody may see and revoke: an admin all, others those that they made. */
export function tokensOf(actor: Actor): { createdBy?: string | null } {
  return actor.role === 'admin' ? {} : { createdBy: actor.id }
}

/**
 * Revokes a token: the next request that shows it is refused. Repeating it changes nothing.
 * @throws TOKEN_NOT_FOUND, for those of others too
 */
export async function revokeToken(app: FastifyInstance, id: string, cause: Cause): Promise<void> {
  await app.orm.em.fork().transactional(async (em) => {
    const visible = { id, ...tokensOf(cause.actor) }
    const token = await em.findOne(ApiToken, visible, { lockMode: LockMode.PESSIMISTIC_WRITE })
    if (token === null) throw accessProblems.TOKEN_NOT_FOUND(`There is no token ${id}.`)
    if (token.revokedAt !== null) return
    token.revoke(app.clock.now())
    const entry = { action: 'token.revoked', entityType: 'token', entityIds: [id] }
    await appendAudit(em, { ...cause, ...entry, metadata: { name: token.name, role: token.role } })
  })
}

/**
 * Revokes what a user made and may no longer have: everything once they are disabled, else what may do more than they.
 * In the entity manager's transaction.
 * @returns the tokens' ids
 */
export async function revokeTokensOf(em: EntityManager, user: User, now: Date): Promise<string[]> {
  const made = await em.find(
    ApiToken,
    { createdBy: user.id, revokedAt: null },
    { lockMode: LockMode.PESSIMISTIC_WRITE },
  )
  const excessive = made.filter((token) => user.disabledAt !== null || !isWithin(token.role, user.role))
  for (const token of excessive) token.revoke(now)
  return excessive.map(({ id }) => id)
}
