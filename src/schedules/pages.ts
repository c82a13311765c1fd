import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import Type from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { url } from '../platform/components.ts'
import { FilterQuery, pagesOf } from '../platform/filters.ts'
import { answerForm, formRoute, type Shown } from '../platform/forms.ts'
import { form } from '../platform/validation.ts'
import { describeSchedules } from './describe-schedules.ts'
import { findRuns, type RunsQuery } from './find-runs.ts'
import { pauseSchedule } from './pause-schedule.ts'
import { presentRun } from './present-run.ts'
import { runNow } from './run-now.ts'
import { ScheduleParams } from './schemas.ts'
import { runStatuses } from './schedule-run.ts'
import { waitUntilFinished } from './wait-until-finished.ts'

const ShowQuery = FilterQuery({ status: Type.Optional(Type.Enum([...runStatuses])) })
const PauseForm = Type.Object({ paused: Type.Boolean() }, { additionalProperties: false, ...form })
const NoForm = Type.Union([Type.Object({}, { additionalProperties: false }), Type.Null()], form)

/** Many runs are over within this time, in seconds. */
const shortWait = 1

/** The pages of schedules: what comes next, what was, and running or pausing one. */
const pages: FastifyPluginAsyncTypebox = async (app) => {
  app.addNavigation({
    group: 'Upkeep',
    label: 'Schedules',
    path: '/schedules',
    icon: 'calendar',
    key: 'l',
    permission: 'schedules:list',
  })

  app.get(
    '/schedules',
    { config: { permission: 'schedules:list' }, schema: { hide: true } },
    async (_request, reply) =>
      reply.page('schedules/list', { title: 'Schedules', items: await describeSchedules(app) }),
  )

  app.get(
    '/schedules/:name',
    {
      config: { permission: 'schedules:list' },
      schema: { hide: true, params: ScheduleParams, querystring: ShowQuery },
    },
    async ({ params, query }, reply) => show(app, reply, params.name, query),
  )

  app.post(
    '/schedules/:name/runs',
    {
      ...formRoute,
      config: { permission: 'schedules:run' },
      schema: { hide: true, params: ScheduleParams, body: NoForm },
    },
    async (request, reply) => {
      const { name } = request.params
      return answerForm(
        request,
        async () => {
          await waitUntilFinished(app, await runNow(app, name, causeOf(request)), shortWait)
          return reply.leadTo(pathOf(name))
        },
        (shown) => show(app, reply, name, {}, shown),
      )
    },
  )

  app.post(
    '/schedules/:name/pause',
    {
      ...formRoute,
      config: { permission: 'schedules:update' },
      schema: { hide: true, params: ScheduleParams, body: PauseForm },
    },
    async (request, reply) => {
      const { name } = request.params
      return answerForm(
        request,
        async () => {
          await pauseSchedule(app, name, request.body.paused, causeOf(request))
          return reply.leadTo(pathOf(name), request.body.paused ? 'Paused.' : 'It goes on.')
        },
        (shown) => show(app, reply, name, {}, shown),
      )
    },
  )
}

export default pages

function pathOf(name: string): string {
  return `/schedules/${encodeURIComponent(name)}`
}

async function show(
  app: FastifyInstance,
  reply: FastifyReply,
  name: string,
  query: RunsQuery,
  shown: Shown = {},
): Promise<string> {
  const definition = app.schedules.get(name)
  const [schedule] = await describeSchedules(app, [definition])
  const { runs, nextCursor } = await findRuns(app.orm.em, name, query)
  return reply.page('schedules/show', {
    title: definition.title,
    entity: { type: 'schedule', id: name },
    schedule,
    runs: runs.map(presentRun),
    statuses: runStatuses,
    filter: query,
    pages: pagesOf((more) => url(pathOf(name), more), { ...query }, nextCursor),
    ...shown,
  })
}
