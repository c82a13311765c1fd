import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import plugin from 'fastify-plugin'
import Type from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { streamEvents } from '../platform/events.ts'
import { preferredWait } from '../platform/prefer.ts'
import { topicOf } from './attempts.ts'
import { carryOutRun, runJob } from './carry-out-run.ts'
import { describeSchedules } from './describe-schedules.ts'
import { scheduleProblems } from './errors.ts'
import { findRun, findRuns } from './find-runs.ts'
import pages from './pages.ts'
import { pauseSchedule } from './pause-schedule.ts'
import { presentRun } from './present-run.ts'
import { keepReconciled } from './reconcile-runs.ts'
import { runNow } from './run-now.ts'
import {
  RunParams,
  RunsQuerySchema,
  ScheduleBody,
  ScheduleList,
  ScheduleParams,
  ScheduleRunBody,
  ScheduleRunList,
  UpdateScheduleBody,
} from './schemas.ts'
import definitions, { type ScheduleDefinition } from './schedules.ts'
import { keepTicking } from './ticker.ts'
import { waitUntilFinished } from './wait-until-finished.ts'

const routes: FastifyPluginAsyncTypebox = async (app) => {
  app.addProblems(scheduleProblems)
  app.addSchema(ScheduleRunBody)
  app.addSchema(ScheduleBody)
  await app.register(definitions)
  app.queue.define<{ id: string }>(runJob, ({ id }, job) => carryOutRun(app, id, job), { concurrency: 4 })
  keepReconciled(app)
  keepTicking(app)
  await app.register(pages)

  app.get(
    '/api/schedules',
    {
      config: { permission: 'schedules:list' },
      schema: {
        operationId: 'listSchedules',
        tags: ['schedules'],
        description: 'All that are declared, by name.',
        response: { 200: ScheduleList },
      },
    },
    async () => ({ items: await describeSchedules(app), nextCursor: null }),
  )

  app.get(
    '/api/schedules/:name',
    {
      config: { permission: 'schedules:list' },
      schema: {
        operationId: 'getSchedule',
        tags: ['schedules'],
        params: ScheduleParams,
        response: { 200: Type.Ref('Schedule') },
      },
    },
    async (request) => describe(app, concernedSchedule(app, request, request.params.name)),
  )

  app.patch(
    '/api/schedules/:name',
    {
      config: { permission: 'schedules:update' },
      schema: {
        operationId: 'updateSchedule',
        tags: ['schedules'],
        description:
          'Pauses it or lets it go on. While it is paused nothing is due, and nothing is made up for later.',
        params: ScheduleParams,
        body: UpdateScheduleBody,
        response: { 200: Type.Ref('Schedule') },
      },
    },
    async (request) => {
      const definition = concernedSchedule(app, request, request.params.name)
      await pauseSchedule(app, definition.name, request.body, causeOf(request))
      return describe(app, definition)
    },
  )

  app.post(
    '/api/schedules/:name/runs',
    {
      config: { permission: 'schedules:run' },
      schema: {
        operationId: 'runSchedule',
        tags: ['schedules'],
        description:
          'Runs it now, paused or not. 202 while it is at work; 201 when it was finished within `Prefer: wait=N`.',
        params: ScheduleParams,
        response: { 201: Type.Ref('ScheduleRun'), 202: Type.Ref('ScheduleRun') },
      },
    },
    async (request, reply) => {
      const { name } = concernedSchedule(app, request, request.params.name)
      const run = await runNow(app, name, causeOf(request))
      reply.header('location', `/api/schedules/${encodeURIComponent(name)}/runs`)
      const latest = await waitUntilFinished(app, run, preferredWait(request))
      return reply.code(latest.isUnfinished() ? 202 : 201).send(presentRun(latest))
    },
  )

  app.get(
    '/api/schedules/runs/:id',
    {
      config: { permission: 'schedules:list' },
      schema: {
        operationId: 'getScheduleRun',
        tags: ['schedules'],
        params: RunParams,
        response: { 200: Type.Ref('ScheduleRun') },
      },
    },
    async ({ params: { id } }) => presentRun(await findRun(app.orm.em, id)),
  )

  app.get(
    '/api/schedules/runs/:id/events',
    {
      config: { permission: 'schedules:list' },
      schema: {
        operationId: 'followScheduleRun',
        tags: ['schedules'],
        description: 'Server-Sent Events: `progress` with the run after every change, then `done`.',
        params: RunParams,
        response: { 200: { content: { 'text/event-stream': { schema: Type.String() } } } },
      },
    },
    async (request, reply) => {
      const { id } = await findRun(app.orm.em, request.params.id)
      const look = async () => {
        const run = await findRun(app.orm.em, id)
        return { state: presentRun(run), done: !run.isUnfinished() }
      }
      return streamEvents(request, reply, { topic: topicOf(id), look })
    },
  )

  app.get(
    '/api/schedules/:name/runs',
    {
      config: { permission: 'schedules:list' },
      schema: {
        operationId: 'listScheduleRuns',
        tags: ['schedules'],
        description: 'Its history, the run that was due last first.',
        params: ScheduleParams,
        querystring: RunsQuerySchema,
        response: { 200: ScheduleRunList },
      },
    },
    async (request) => {
      const { name } = concernedSchedule(app, request, request.params.name)
      const { runs, nextCursor } = await findRuns(app.orm.em, name, request.query)
      return { items: runs.map(presentRun), nextCursor }
    },
  )
}

export default plugin(routes, { name: 'schedules', dependencies: ['audit'] })

/** The schedule that a request is about; a refusal then says so in the audit log. @throws Problem SCHEDULE_NOT_FOUND */
function concernedSchedule(app: FastifyInstance, request: FastifyRequest, name: string): ScheduleDefinition {
  const definition = app.schedules.get(name)
  const { dataset } = definition
  request.concern = { entityType: 'schedule', entityIds: [name], ...(dataset !== null && { dataset }) }
  return definition
}

async function describe(app: FastifyInstance, definition: ScheduleDefinition) {
  const [described] = await describeSchedules(app, [definition])
  return described!
}
