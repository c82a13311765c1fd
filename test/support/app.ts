import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { buildApp, type AppOptions } from '../../src/app.ts'
import { readConfig } from '../../src/platform/config.ts'
import { testDatabase } from './postgres.ts'
import { migratedTemplate } from './templates.ts'

export interface TestAppOptions extends Omit<AppOptions, 'config'> {
  /** Settings as the environment gives them, such as `{ LOG_LEVEL: 'info' }`. */
  environment?: Record<string, string>
  /** Another app's database, to be its replica. */
  databaseUrl?: string
  /** Adds routes that only the test needs. */
  routes?: (app: FastifyInstance) => Promise<void>
}

/** Not the service's own, so that nothing comes due by itself in the midst of a test. */
const ownClock = { now: () => new Date() }

/** The whole service over a database of its own, ready, closed at the test's end. */
export async function testApp(
  t: Test,
  { environment = {}, databaseUrl, routes, clock = ownClock, ...options }: TestAppOptions = {},
): Promise<FastifyInstance> {
  const home = await mkdtemp(join(tmpdir(), 'holdfast-'))
  t.teardown(() => rm(home, { recursive: true, force: true }))
  const url = databaseUrl ?? (await testDatabase(t, await migratedTemplate()))
  const config = readConfig({ HOLDFAST_HOME: home, PORT: '0', HOLDFAST_RATE_LIMIT: '0', ...environment })
  const app = await buildApp({ ...options, clock, config: { ...config, databaseUrl: url } })
  if (routes) await app.register(routes)
  await app.ready()
  t.teardown(() => app.close())
  return app
}
