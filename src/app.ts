import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { RequestContext } from '@mikro-orm/core'
import fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { ApiToken } from './access/api-token.ts'
import declaredPermissions from './access/declared-permissions.ts'
import guard from './access/guard.ts'
import access from './access/routes.ts'
import { Session } from './access/session.ts'
import { SetupLink } from './access/setup-link.ts'
import strangers from './access/strangers.ts'
import { User } from './access/user.ts'
import { AuditCheck } from './audit/audit-check.ts'
import { AuditEntry } from './audit/audit-entry.ts'
import { PendingEntry } from './audit/pending-entry.ts'
import audit from './audit/routes.ts'
import dashboard from './dashboard/routes.ts'
import datasets from './datasets/plugin.ts'
import datasetRoutes from './datasets/routes.ts'
import schedules from './schedules/routes.ts'
import { Schedule } from './schedules/schedule.ts'
import { ScheduleRun } from './schedules/schedule-run.ts'
import holds from './holds/routes.ts'
import { Notice } from './notifications/notice.ts'
import notifications from './notifications/routes.ts'
import gates from './gates/routes.ts'
import { Export } from './exports/export.ts'
import exports from './exports/routes.ts'
import { Batch } from './batches/batch.ts'
import batches from './batches/routes.ts'
import cleanups from './cleanups/routes.ts'
import retention from './retention/routes.ts'
import { Delivery } from './deliveries/delivery.ts'
import { DeliveredFile } from './deliveries/delivered-file.ts'
import deliveries from './deliveries/routes.ts'
import system from './system/routes.ts'
import upkeep from './upkeep/plugin.ts'
import { systemClock, type Clock } from './platform/clock.ts'
import type { Config } from './platform/config.ts'
import { migrate, openDatabase, requireMigrated, type MikroORM } from './platform/database.ts'
import docs from './platform/docs.ts'
import http from './platform/http.ts'
import idempotency from './platform/idempotency/hooks.ts'
import { IdempotencyKey } from './platform/idempotency/idempotency-key.ts'
import problemPages from './platform/problem-pages.ts'
import { createQueue, type Queue } from './platform/queue.ts'
import { serverOptions } from './platform/server-options.ts'
import { createSignals, type Signals } from './platform/signals.ts'
import views from './platform/views.ts'
import { Cleanup } from './cleanups/cleanup.ts'
import { Hold } from './holds/hold.ts'
import { Restore } from './restores/restore.ts'
import restores from './restores/routes.ts'
import selections from './selections/plugin.ts'
import snapshots from './snapshots/routes.ts'
import { Snapshot } from './snapshots/snapshot.ts'
import storage from './storage/plugin.ts'

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
const entities: Parameters<typeof openDatabase>[1] = [
  AuditCheck,
  AuditEntry,
  PendingEntry,
  IdempotencyKey,
  User,
  Session,
  ApiToken,
  SetupLink,
  Snapshot,
  Restore,
  Export,
  Batch,
  Notice,
  Schedule,
  ScheduleRun,
  Delivery,
  DeliveredFile,
  Hold,
  Cleanup,
]

/**
 * Builds the service: opens the database, brings it up to date, registers the features. Holds no global state.
 * `app.ready()` starts the background work, `app.close()` ends it.
 */
export async function buildApp({
  config,
  clock = systemClock,
  logger = false,
}: AppOptions): Promise<FastifyInstance> {
  const app = fastify(serverOptions(config.trustProxy, logger)).withTypeProvider<TypeBoxTypeProvider>()
  const orm = await openDatabase(config.databaseUrl, entities, config.failpoints !== null)
  app.decorate('config', config).decorate('clock', clock).decorate('orm', orm)
  app.decorate('queue', createQueue(config.databaseUrl, app.log))
  app.decorate('signals', createSignals(orm, config.databaseUrl, app.log))
  await migrate(orm, config.databaseUrl)

  // Before the features' own hooks, which look for what an earlier run left undone and enqueue it.
  app.addHook('onReady', async () => {
    await app.signals.start()
    await app.queue.start()
  })
  app.addHook('onRequest', (_request, _reply, done) => RequestContext.create(orm.em, done))
  await app.register(declaredPermissions)
  await app.register(strangers)
  await app.register(http)
  await app.register(guard)
  await app.register(idempotency)
  await app.register(views)
  await app.register(problemPages)
  await app.register(docs)
  await app.register(audit)
  await app.register(access)
  await app.register(selections)
  await app.register(schedules)
  await app.register(storage)
  await app.register(datasets)
  await app.register(datasetRoutes)
  await app.register(holds)
  await app.register(notifications)
  await app.register(snapshots)
  await app.register(gates)
  await app.register(restores)
  await app.register(exports)
  await app.register(batches)
  await app.register(cleanups)
  await app.register(retention)
  await app.register(deliveries)
  await app.register(upkeep)
  await app.register(system)
  await app.register(dashboard)
  app.addReadinessCheck('database', async () => void (await orm.em.fork().execute('SELECT 1')))
  app.addReadinessCheck('migrations', () => requireMigrated(orm))
  app.addReadinessCheck('queue', async () => void (await app.queue.depths()))

  app.addHook('preClose', async () => app.queue.stop(10_000))
  app.addHook('preClose', async () => app.letGo())
  app.addHook('onClose', async () => {
    await app.signals.stop()
    await orm.close()
  })
  return app as unknown as FastifyInstance
}
