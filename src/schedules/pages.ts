import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import Type, { type Static } from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { DayFilter } from '../platform/filters.ts'
import { filterOf, ListPageQuery, listOf } from '../platform/list-page.ts'
import { sendCsv } from '../platform/send-csv.ts'
import { answerForm, formRoute, type Shown } from '../platform/forms.ts'
import { form } from '../platform/validation.ts'
import { describeSchedules } from './describe-schedules.ts'
import { findRun, findRuns, runSorting } from './find-runs.ts'
import { pauseSchedule } from './pause-schedule.ts'
import { presentRun } from './present-run.ts'
import { runNow } from './run-now.ts'
import { runCsv } from './run-csv.ts'
import { Reason, RunParams, ScheduleParams } from './schemas.ts'
import { runStatuses } from './schedule-run.ts'
import { waitUntilFinished } from './wait-until-finished.ts'

const ShowQuery = ListPageQuery(
  { status: Type.Optional(Type.Enum([...runStatuses])), from: DayFilter, to: DayFilter },
  runSorting,
)
const PauseForm = Type.Object(
  { paused: Type.Boolean(), reason: Reason },
  { additionalProperties: false, ...form },
)
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
    async ({ params: { name }, query }, reply) => {
      if (query.format !== 'csv') return show(app, reply, name, query)
      app.schedules.get(name)
      return sendCsv(reply, 'runs', runCsv, async (page) => {
        const { runs, nextCursor } = await findRuns(app.orm.em, name, {
          ...filterOf(query),
          ...{ sort: query.sort },
          ...page,
        })
        return { items: runs, nextCursor }
      })
    },
  )

  app.get(
    '/schedules/runs/:id',
    { config: { permission: 'schedules:list' }, schema: { hide: true, params: RunParams } },
    async ({ params: { id } }, reply) => {
      const run = await findRun(app.orm.em, id)
      const definition = app.schedules.list().find(({ name }) => name === run.schedule)
      const explained = run.error === null ? undefined : app.problems.get(run.error.code)
      return reply.page('schedules/run', {
        title: `Run of ${definition?.title ?? run.schedule}`,
        entity: { type: 'schedule_run', id },
        run: presentRun(run),
        // A schedule may be gone while its runs stay.
        schedule: definition ?? null,
        refresh: run.isUnfinished(),
        errorTitle: explained?.title,
        errorHint: explained?.hint,
      })
    },
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
          const run = await waitUntilFinished(app, await runNow(app, name, causeOf(request)), shortWait)
          return reply.leadTo(`/schedules/runs/${run.id}`)
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
          await pauseSchedule(app, name, request.body, causeOf(request))
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
  query: Static<typeof ShowQuery>,
  shown: Shown = {},
): Promise<string> {
  const definition = app.schedules.get(name)
  const [schedule] = await describeSchedules(app, [definition])
  const { sort, cursor } = query
  const { runs, nextCursor } = await findRuns(app.orm.em, name, { ...filterOf(query), sort, cursor })
  return reply.page('schedules/show', {
    title: definition.title,
    entity: { type: 'schedule', id: name },
    schedule,
    items: runs.map(presentRun),
    statuses: runStatuses,
    ...listOf(pathOf(name), query, runSorting, { nextCursor }),
    ...shown,
  })
}
