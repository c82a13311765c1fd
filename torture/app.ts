import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import type { AppOptions } from '../src/app.ts'
import { testApp } from '../test/support/app.ts'
import type { Ends, Place } from './place.ts'
import { token, type Answer } from './service.ts'

/** The service within this process, and calls as an administrator's script makes them, waiting for the end. */
export interface OpenApp {
  app: FastifyInstance
  post(path: string, payload: object): Promise<Answer>
  get(path: string): Promise<Answer>
}

/** @param place whose store is a folder; @param options.source by default the place's own */
export async function openApp(
  ends: Ends,
  place: Place,
  { source = place.source, ...options }: { source?: string } & Pick<AppOptions, 'clock'> = {},
): Promise<OpenApp> {
  const { HOLDFAST_HOME: _home, DATABASE_URL: databaseUrl, ...environment } = place.environment
  const app = await testApp(ends as unknown as Test, {
    ...options,
    databaseUrl: databaseUrl!,
    environment: {
      ...environment,
      HOLDFAST_SOURCE_APP_URL: source,
      HOLDFAST_BOOTSTRAP_TOKEN: token,
      HOLDFAST_STORE_URL: `file:${place.store.folder}`,
    },
  })
  const headers = { authorization: `Bearer ${token}`, prefer: 'wait=60' }
  return {
    app,
    post: async (path, payload) =>
      (await app.inject({ method: 'POST', url: `/api${path}`, headers, payload })).json<Answer>(),
    get: async (path) => (await app.inject({ url: `/api${path}`, headers })).json<Answer>(),
  }
}

/** What an operation came to: `completed`, or the code that it failed with. */
export function endOf(answer: Answer): string {
  return answer['error']?.code ?? answer['code'] ?? answer['status']
}
