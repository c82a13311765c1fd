import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { streamEvents } from '../platform/events.ts'
import { preferredWait } from '../platform/prefer.ts'
import { causeOf } from './actor.ts'
import { checkJob, topicOf } from './audit-check.ts'
import { findCheck, presentCheck, waitUntilChecked } from './find-checks.ts'
import { keepChecksRunning, runCheck } from './run-check.ts'
import { AuditCheckSchema, CheckParams } from './schemas.ts'
import { startCheck } from './start-check.ts'

/** Verifying the chain in the background. */
const checkRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.addSchema(AuditCheckSchema)
  app.queue.define<{ id: string }>(checkJob, ({ id }, { signal }) => runCheck(app, id, signal), {
    concurrency: 1,
  })
  keepChecksRunning(app)

  app.post(
    '/api/audit/verifications',
    {
      config: { permission: 'audit:verify' },
      schema: {
        operationId: 'startAuditCheck',
        tags: ['audit'],
        description:
          'Verifies the whole chain in the background: a log of millions of entries takes minutes. Answers with the check that is under way, if any.',
        response: { 201: Type.Ref('AuditCheck'), 202: Type.Ref('AuditCheck') },
      },
    },
    async (request, reply) => {
      const wait = preferredWait(request)
      const check = await waitUntilChecked(app, await startCheck(app, causeOf(request)), wait)
      const code = check.finishedAt === null ? 202 : 201
      return reply
        .code(code)
        .header('location', `/api/audit/verifications/${check.id}`)
        .send(presentCheck(check))
    },
  )

  app.get(
    '/api/audit/verifications/:id',
    {
      config: { permission: 'audit:verify' },
      schema: {
        operationId: 'getAuditCheck',
        tags: ['audit'],
        params: CheckParams,
        response: { 200: Type.Ref('AuditCheck') },
      },
    },
    async ({ params: { id } }) => presentCheck(await findCheck(app.orm.em, id)),
  )

  app.get(
    '/api/audit/verifications/:id/events',
    {
      config: { permission: 'audit:verify' },
      schema: {
        operationId: 'followAuditCheck',
        tags: ['audit'],
        description: 'Server-Sent Events: `progress` with the check after every change, then `done`.',
        params: CheckParams,
        response: { 200: { content: { 'text/event-stream': { schema: Type.String() } } } },
      },
    },
    async (request, reply) => {
      const { id } = await findCheck(app.orm.em, request.params.id)
      const look = async () => {
        const check = await findCheck(app.orm.em, id)
        return { state: presentCheck(check), done: check.finishedAt !== null }
      }
      return streamEvents(request, reply, { topic: topicOf(id), look })
    },
  )
}

export default checkRoutes
