import { randomUUID } from 'node:crypto'
import cookie from '@fastify/cookie'
import formbody from '@fastify/formbody'
import helmet from '@fastify/helmet'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { RequestContext } from '@mikro-orm/core'
import fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import Type from 'typebox'
import { AuditEntry } from './audit/audit-entry.ts'
import { PendingEntry } from './audit/pending-entry.ts'
import audit from './audit/routes.ts'
import { systemClock, type Clock } from './platform/clock.ts'
import type { Config } from './platform/config.ts'
import { migrate, openDatabase, type MikroORM } from './platform/database.ts'
import conditional from './platform/conditional.ts'
import headRequests from './platform/head-requests.ts'
import health from './platform/health.ts'
import openapi from './platform/openapi.ts'
import problemAnswers from './platform/problem-answers.ts'
import problemPages from './platform/problem-pages.ts'
import { createQueue, type Queue } from './platform/queue.ts'
import './access/permissions.ts'
import prefer from './platform/prefer.ts'
import { createSignals, type Signals } from './platform/signals.ts'
import shutdown from './platform/shutdown.ts'
import { validatorCompiler } from './platform/validation.ts'
import views from './platform/views.ts'

declare module 'fastify' {
  interface FastifyInstance {
    config: Config
    clock: Clock
    orm: MikroORM
    queue: Queue
    signals: Signals
  }
}

export interface AppOptions {
  /** The configuration with a database: the embedded one's address is filled in by server.ts. */
  config: Config & { databaseUrl: string }
  clock?: Clock
  logger?: FastifyServerOptions['logger']
}

/** Every entity of every feature. */
const entities: Parameters<typeof openDatabase>[1] = [AuditEntry, PendingEntry]

/**
 * Builds the service: opens the database, brings it up to date, registers the features. Holds no global state.
 * `app.ready()` starts the background work, `app.close()` ends it.
 */
export async function buildApp({
  config,
  clock = systemClock,
  logger = false,
}: AppOptions): Promise<FastifyInstance> {
  const app = fastify({
    logger,
    bodyLimit: 1_048_576,
    genReqId: () => randomUUID(),
    trustProxy: config.trustProxy,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
  }).withTypeProvider<TypeBoxTypeProvider>()
  app.setValidatorCompiler(validatorCompiler())
  const orm = await openDatabase(config.databaseUrl, entities)
  app.decorate('config', config).decorate('clock', clock).decorate('orm', orm)
  app.decorate('queue', createQueue(config.databaseUrl, app.log))
  app.decorate('signals', createSignals(orm, config.databaseUrl, app.log))
  await migrate(orm, config.databaseUrl)

  refuseUnknownQueries(app)
  await app.register(headRequests)
  app.addHook('onRequest', (_request, _reply, done) => RequestContext.create(orm.em, done))
  app.addHook('onSend', async (request, reply) => void reply.header('x-request-id', request.id))
  await app.register(helmet, { contentSecurityPolicy: { directives: contentSecurityPolicy } })
  await app.register(cookie)
  await app.register(formbody)
  await app.register(views)
  await app.register(problemAnswers)
  await app.register(problemPages)
  await app.register(openapi, { version: config.version })
  await app.register(health)
  await app.register(shutdown)
  await app.register(prefer)
  await app.register(conditional)
  await app.register(audit)
  app.addReadinessCheck('database', async () => void (await orm.em.fork().execute('SELECT 1')))

  app.addHook('onReady', async () => {
    await app.signals.start()
    await app.queue.start()
  })
  app.addHook('preClose', async () => app.queue.stop(10_000))
  app.addHook('onClose', async () => {
    await app.signals.stop()
    await orm.close()
  })
  return app as unknown as FastifyInstance
}

const contentSecurityPolicy = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'", 'data:'],
  connectSrc: ["'self'"],
  formAction: ["'self'"],
  frameAncestors: ["'none'"],
  baseUri: ["'none'"],
  upgradeInsecureRequests: null,
}

/** A route that declares no query parameters accepts none. */
function refuseUnknownQueries(app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    route.schema = { querystring: Type.Object({}, { additionalProperties: false }), ...route.schema }
  })
}
