import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { preferredWait } from '../platform/prefer.ts'
import { checkpointItems } from './checkpoint-items.ts'
import { claimItems } from './claim-items.ts'
import { concernedBatch } from './concerned-batch.ts'
import { presentBatch } from './present-batch.ts'
import { giveBack, renewItems } from './renew-lease.ts'
import {
  BatchParams,
  CheckpointAnswer,
  CheckpointBody,
  ClaimAnswer,
  ClaimBody,
  ReleaseAnswer,
  ReleaseBody,
  RenewalAnswer,
  RenewalBody,
} from './schemas.ts'

/** What the application's workers call. */
const workerRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.post(
    '/api/batches/:id/claims',
    {
      config: { permission: 'batches:work' },
      schema: {
        operationId: 'claimItems',
        tags: ['batches'],
        description:
          'The next items, for this worker alone until the lease runs out. `Prefer: wait=N` waits for some when there are none. An empty answer from a batch that is over is the end of the work.',
        params: BatchParams,
        body: ClaimBody,
        response: { 200: ClaimAnswer },
      },
    },
    async (request) => {
      const { id } = await concernedBatch(app, request)
      const claim = await claimItems(app, id, request.body, preferredWait(request))
      return {
        lease: claim.lease,
        leaseExpiresAt: claim.leaseExpiresAt?.toISOString() ?? null,
        items: claim.items,
        batch: await presentBatch(app, claim.batch),
      }
    },
  )

  app.post(
    '/api/batches/:id/checkpoints',
    {
      config: { permission: 'batches:work' },
      schema: {
        operationId: 'checkpointItems',
        tags: ['batches'],
        description:
          'Records what became of items; the answer comes when that is durable. Safe to repeat: the same outcome again is `repeated`. What is refused is listed, the rest counts.',
        params: BatchParams,
        body: CheckpointBody,
        response: { 200: CheckpointAnswer },
      },
    },
    async (request) => {
      const { id } = await concernedBatch(app, request)
      const result = await checkpointItems(app, id, request.body)
      return { ...result, batch: await presentBatch(app, await concernedBatch(app, request)) }
    },
  )

  app.post(
    '/api/batches/:id/renewals',
    {
      config: { permission: 'batches:work' },
      schema: {
        operationId: 'renewLease',
        tags: ['batches'],
        description: 'Makes a lease last longer, counted from now. 409 LEASE_LOST when it is gone.',
        params: BatchParams,
        body: RenewalBody,
        response: { 200: RenewalAnswer },
      },
    },
    async (request) => {
      const batch = await concernedBatch(app, request)
      const { lease, leaseSeconds } = request.body
      const expiresAt = await renewItems(app, batch.id, lease, leaseSeconds)
      return { lease, leaseExpiresAt: expiresAt.toISOString(), batch: await presentBatch(app, batch) }
    },
  )

  app.post(
    '/api/batches/:id/releases',
    {
      config: { permission: 'batches:work' },
      schema: {
        operationId: 'releaseItems',
        tags: ['batches'],
        description:
          'Gives items back that were not worked on, so that others can have them at once. Safe to repeat.',
        params: BatchParams,
        body: ReleaseBody,
        response: { 200: ReleaseAnswer },
      },
    },
    async (request) => {
      const { id } = await concernedBatch(app, request)
      const { lease, items = null } = request.body
      return { released: await giveBack(app, id, lease, items) }
    },
  )
}

export default workerRoutes
