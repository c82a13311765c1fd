import type { FastifyInstance } from 'fastify'
import { systemActor } from '../audit/actor.ts'
import { BatchPaused } from '../batches/batch-paused.ts'
import type { Sealer } from '../platform/sealing.ts'
import { auditDelivery } from './audit-delivery.ts'
import { findDelivery, lockDelivery } from './find-deliveries.ts'
import type { GraphAccess } from './graph-client.ts'

/**
 * A delivery's access token as requests to Graph need it: read from the database each time, so that a new one is used at
 * once and in every replica. One that Graph refuses is forgotten.
 */
export function tokenOf(app: FastifyInstance, sealer: Sealer, id: string): GraphAccess {
  const howToGo = `Give a new one: POST /api/deliveries/${id}/token.`
  return {
    async token() {
      const { sealedToken } = await findDelivery(app.orm.em, id)
      if (sealedToken === null) throw new BatchPaused(`The delivery has no access token any more. ${howToGo}`)
      const token = await sealer.open(sealedToken, id)
      if (token !== null) return token
      throw new BatchPaused(
        `The access token was enciphered with another key. Set HOLDFAST_SECRET to the same value in all replicas. ${howToGo}`,
      )
    },
    async refused(token) {
      const isNewer = await app.orm.em.fork().transactional(async (em) => {
        const delivery = await lockDelivery(em, id)
        if (delivery.sealedToken === null) return false
        if ((await sealer.open(delivery.sealedToken, id)) !== token) return true
        delivery.sealedToken = null
        await auditDelivery(em, delivery, 'token-refused', { actor: systemActor }, { outcome: 'failed' })
        return false
      })
      if (!isNewer)
        throw new BatchPaused(
          `OneDrive does not take the access token: it has expired or was revoked. ${howToGo}`,
        )
    },
  }
}
