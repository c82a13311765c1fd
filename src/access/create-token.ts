import type { FastifyInstance } from 'fastify'
import type { Cause, Role } from '../audit/actor.ts'
import { appendAudit } from '../audit/append-audit.ts'
import { newId } from '../platform/entity.ts'
import { ApiToken } from './api-token.ts'
import { accessProblems } from './errors.ts'
import { isWithin } from './permissions.ts'
import { digestOf, newSecret } from './secrets.ts'

export interface NewToken {
  name: string
  role: Role
  /** Null or absent: until it is revoked. */
  expiresAt?: Date | null
}

/**
 * Makes an API token.
 * @returns the token itself as `secret`: stored nowhere, so it can be shown only now
 * @throws FORBIDDEN for a role above the creator's own, TOKEN_EXPIRY_PAST
 */
export async function createToken(
  app: FastifyInstance,
  { name, role, expiresAt = null }: NewToken,
  cause: Cause,
): Promise<{ token: ApiToken; secret: string }> {
  const now = app.clock.now()
  const { actor } = cause
  if (!isWithin(role, actor.role))
    throw accessProblems.FORBIDDEN(
      `Your role, ${actor.role}, is below ${role}: a token can do no more than you.`,
    )
  if (expiresAt !== null && expiresAt <= now)
    throw accessProblems.TOKEN_EXPIRY_PAST(`${expiresAt.toISOString()} is over.`, {
      errors: [{ pointer: '/expiresAt', detail: 'must be in the future' }],
    })
  const secret = `hf_${newSecret()}`
  return app.orm.em.fork().transactional(async (em) => {
    const facts = { id: newId(), name, role, digest: digestOf(secret), createdAt: now, expiresAt }
    const creator = { createdBy: actor.id, createdByName: actor.name }
    const token = em.create(ApiToken, { ...facts, ...creator, lastUsedAt: null, revokedAt: null })
    const entry = { action: 'token.created', entityType: 'token', entityIds: [token.id] }
    await appendAudit(em, { ...cause, ...entry, metadata: { name, role, expiresAt } })
    return { token, secret }
  })
}
