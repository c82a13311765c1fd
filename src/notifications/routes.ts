import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import plugin from 'fastify-plugin'
import Type from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { preferredWait } from '../platform/prefer.ts'
import type { JobHandler } from '../platform/queue.ts'
import { deliverLane } from './deliver-lane.ts'
import { notificationProblems } from './errors.ts'
import { findNotice, listNotices } from './find-notices.ts'
import { openOutbound } from './guarded-fetch.ts'
import { deliverJob } from './notice.ts'
import pages from './pages.ts'
import { presentNotice } from './present-notice.ts'
import { keepDelivering } from './reconcile-notices.ts'
import { retryNotice, waitUntilTried } from './retry-notice.ts'
import { ListNoticesQuery, NoticeBody, NoticeList, NoticeParams, TestAnswer, TestBody } from './schemas.ts'
import { testChannel } from './test-channel.ts'

/** Lanes that are worked at side by side. */
const lanesAtOnce = 8

const routes: FastifyPluginAsyncTypebox = async (app) => {
  app.addProblems(notificationProblems)
  app.addSchema(NoticeBody)
  app.addSchema(TestAnswer)
  app.decorate('outbound', openOutbound())
  app.addHook('onClose', () => app.outbound.close())
  await app.register(pages)
  const { lookAgain } = keepDelivering(app)
  const deliver: JobHandler<{ lane: string }> = async ({ lane }, run) => {
    if (await deliverLane(app, lane, run)) lookAgain()
  }
  app.queue.define(deliverJob, deliver, { concurrency: lanesAtOnce })

  app.get(
    '/api/notifications',
    {
      config: { permission: 'notifications:list' },
      schema: {
        operationId: 'listNotifications',
        tags: ['notifications'],
        querystring: ListNoticesQuery,
        response: { 200: NoticeList },
      },
    },
    async ({ query: { limit, cursor, ...filter } }) => {
      const { items, nextCursor } = await listNotices(app.orm.em, filter, { limit, cursor })
      return { items: items.map((notice) => presentNotice(app, notice)), nextCursor }
    },
  )

  app.get(
    '/api/notifications/:id',
    {
      config: { permission: 'notifications:list' },
      schema: {
        operationId: 'getNotification',
        tags: ['notifications'],
        params: NoticeParams,
        response: { 200: Type.Ref('Notice') },
      },
    },
    async ({ params: { id } }) => presentNotice(app, await findNotice(app.orm.em, id)),
  )

  app.post(
    '/api/notifications/:id/attempts',
    {
      config: { permission: 'notifications:test' },
      schema: {
        operationId: 'retryNotification',
        tags: ['notifications'],
        description:
          'Tries a notice once more that failed or waits. 201 when it was tried within `Prefer: wait=N`, whatever came of it; else 202.',
        params: NoticeParams,
        response: { 201: Type.Ref('Notice'), 202: Type.Ref('Notice') },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const waiting = await retryNotice(app, id, causeOf(request))
      const latest = await waitUntilTried(app, waiting, preferredWait(request))
      const wasTried = latest.attempts > waiting.attempts && latest.sendingSince === null
      reply.header('location', `/api/notifications/${id}`)
      return reply.code(wasTried ? 201 : 202).send(presentNotice(app, latest))
    },
  )

  app.post(
    '/api/notifications/tests',
    {
      config: { permission: 'notifications:test' },
      schema: {
        operationId: 'testChannel',
        tags: ['notifications'],
        description: 'Sends a test message, at once and once, and answers with what the other side said.',
        body: TestBody,
        response: { 200: Type.Ref('ChannelTest') },
      },
    },
    async (request) => {
      const { channel, dataset = null } = request.body
      const { testedAt, ...test } = await testChannel(app, channel, dataset, causeOf(request))
      return { ...test, testedAt: testedAt.toISOString() }
    },
  )
}

export default plugin(routes, { name: 'notifications', dependencies: ['datasets'] })
