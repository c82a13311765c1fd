import type { FastifyInstance } from 'fastify'
import { systemActor } from '../audit/actor.ts'
import { appendAudit } from '../audit/append-audit.ts'
import { newId } from '../platform/entity.ts'
import { ApiToken } from './api-token.ts'
import { lockFirstStart } from './queries.ts'
import { digestOf } from './secrets.ts'
import { User } from './user.ts'

/**
 * Makes the admin token that HOLDFAST_BOOTSTRAP_TOKEN asks for, at a first start: while there is neither a user nor a
 * token. Later starts change nothing, so a token that was revoked stays revoked.
 */
export async function bootstrapToken(app: FastifyInstance): Promise<void> {
  const { bootstrapToken: secret } = app.config
  if (secret === null) return
  await app.orm.em.fork().transactional(async (em) => {
    await lockFirstStart(em)
    const digest = digestOf(secret)
    if ((await em.count(ApiToken, { digest })) > 0) return
    if ((await em.count(User)) + (await em.count(ApiToken)) > 0)
      return app.log.warn('HOLDFAST_BOOTSTRAP_TOKEN is not used: this is no first start')
    const token = em.create(ApiToken, {
      id: newId(),
      name: 'bootstrap',
      role: 'admin',
      digest,
      createdBy: null,
      createdByName: systemActor.name,
      createdAt: app.clock.now(),
      expiresAt: null,
      lastUsedAt: null,
      revokedAt: null,
    })
    const metadata = { name: token.name, role: token.role, from: 'HOLDFAST_BOOTSTRAP_TOKEN' }
    const entry = { action: 'token.created', entityType: 'token', entityIds: [token.id], metadata }
    await appendAudit(em, { actor: systemActor, ...entry })
  })
}
