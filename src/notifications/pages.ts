import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import Type from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { noticeEvents } from '../datasets/content-policies.ts'
import { DayFilter, TextFilter } from '../platform/filters.ts'
import { answerForm, formRoute } from '../platform/forms.ts'
import { filterOf, ListPageQuery, listOf } from '../platform/list-page.ts'
import type { PageQuery } from '../platform/read-page.ts'
import { sendCsv, type CsvColumns } from '../platform/send-csv.ts'
import { form } from '../platform/validation.ts'
import { describeChannels } from './describe-channels.ts'
import { findNotice, listNotices, noticeSorting } from './find-notices.ts'
import { channelKinds, statuses, type Notice } from './notice.ts'
import { presentNotice } from './present-notice.ts'
import { retryNotice, waitUntilTried } from './retry-notice.ts'
import { NoticeParams } from './schemas.ts'
import { testChannel, type ChannelTest } from './test-channel.ts'

const ListQuery = ListPageQuery(
  {
    dataset: TextFilter,
    event: Type.Optional(Type.Enum([...noticeEvents])),
    channel: Type.Optional(Type.Enum([...channelKinds])),
    status: Type.Optional(Type.Enum([...statuses])),
    from: DayFilter,
    to: DayFilter,
  },
  noticeSorting,
)

const csv: CsvColumns<Notice> = {
  id: (n) => n.id,
  event: (n) => n.event,
  dataset: (n) => n.dataset,
  about_type: (n) => n.aboutType,
  about_id: (n) => n.aboutId,
  channel: (n) => n.channel,
  status: (n) => n.status,
  attempts: (n) => n.attempts,
  created_at: (n) => n.createdAt,
  delivered_at: (n) => n.deliveredAt,
  error: (n) => n.error?.code,
}

const TestForm = Type.Object(
  { channel: Type.Enum([...channelKinds]), dataset: Type.Optional(Type.String({ maxLength: 100 })) },
  { additionalProperties: false, ...form },
)

/** Most attempts are over within this time, in seconds. */
const shortWait = 5

/** The pages of notices: the list, one of them, and trying a channel. */
const pages: FastifyPluginAsyncTypebox = async (app) => {
  app.addNavigation({
    group: 'Record',
    label: 'Notices',
    path: '/notifications',
    icon: 'info',
    key: 'n',
    permission: 'notifications:list',
  })

  app.get(
    '/notifications',
    { config: { permission: 'notifications:list' }, schema: { hide: true, querystring: ListQuery } },
    async ({ query }, reply) => {
      const read = (page: PageQuery) =>
        listNotices(app.orm.em, filterOf(query), { sort: query.sort, ...page })
      if (query.format === 'csv') return sendCsv(reply, 'notices', csv, read)
      const { items, nextCursor } = await read({ cursor: query.cursor })
      return reply.page('notifications/list', {
        title: 'Notices',
        items: items.map((notice) => presentNotice(app, notice)),
        datasets: app.datasets.list(),
        events: noticeEvents,
        channels: channelKinds,
        statuses,
        ...listOf('/notifications', query, noticeSorting, { nextCursor }),
      })
    },
  )

  app.get(
    '/notifications/:id',
    { config: { permission: 'notifications:list' }, schema: { hide: true, params: NoticeParams } },
    async ({ params: { id } }, reply) => {
      const notice = presentNotice(app, await findNotice(app.orm.em, id))
      return reply.page('notifications/show', {
        title: notice.title,
        entity: { type: 'notification', id },
        notice,
      })
    },
  )

  app.post(
    '/notifications/:id/attempts',
    { config: { permission: 'notifications:test' }, schema: { hide: true, params: NoticeParams } },
    async (request, reply) => {
      const { id } = request.params
      await waitUntilTried(app, await retryNotice(app, id, causeOf(request)), shortWait)
      return reply.leadTo(`/notifications/${id}`)
    },
  )

  app.get(
    '/notifications/tests/new',
    { config: { permission: 'notifications:test' }, schema: { hide: true } },
    async (_request, reply) => showTest(reply, {}),
  )

  app.post(
    '/notifications/tests',
    { ...formRoute, config: { permission: 'notifications:test' }, schema: { hide: true, body: TestForm } },
    async (request, reply) =>
      answerForm(
        request,
        async () => {
          const { channel, dataset = null } = request.body
          const test = await testChannel(app, channel, dataset, causeOf(request))
          return showTest(reply, { typed: request.body, test })
        },
        (shown) => showTest(reply, shown),
      ),
  )

  function showTest(
    reply: FastifyReply,
    shown: { typed?: unknown; problem?: unknown; test?: ChannelTest },
  ): Promise<string> {
    return reply.page('notifications/test', {
      title: 'Try a channel',
      backTo: '/notifications/tests/new',
      owners: describeChannels(app),
      datasets: app.datasets.list(),
      channels: channelKinds,
      ...shown,
    })
  }
}

export default pages
