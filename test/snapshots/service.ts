import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import type { Test } from 'tap'
import { testApp, type TestAppOptions } from '../support/app.ts'
import { testDatabase } from '../support/postgres.ts'
import { sampleNow, sampleTemplate } from '../support/templates.ts'

export const token = 'hf_test_token_of_thirty_two_characters'
export const now = sampleNow

export interface Service {
  app: FastifyInstance
  /** Connection string of the application's database: the five example systems. */
  source: string
  /** The folder of the store, when it is one. */
  folder: string
  environment: Record<string, string>
  /** Another process's worth of the same service, as it is after a crash or beside it. */
  replica(): Promise<FastifyInstance>
  /** Asks the API as an administrator's script would. */
  call(method: Method, path: string, body?: object, headers?: Record<string, string>): Promise<Answer>
}

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE' | 'HEAD'

export interface Answer {
  status: number
  body: Body
  raw: LightMyRequestResponse
}

/** The fields that tests look into; each answer has some of them. */
export interface Body {
  id: string
  status: string
  sha256: string
  bytes: number
  storedBytes: number
  key: string
  counts: Record<string, number>
  items: Body[]
  nextCursor: string | null
  code: string
  detail: string
  [field: string]: unknown
}

/** The service over the example systems, with a store of its own: a folder unless `storeUrl` says otherwise. */
export async function snapshotService(
  t: Test,
  options: Pick<TestAppOptions, 'clock' | 'logger' | 'environment'> & { storeUrl?: string } = {},
): Promise<Service> {
  const source = await testDatabase(t, await sampleTemplate())
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-store-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const environment = {
    HOLDFAST_SOURCE_APP_URL: source,
    HOLDFAST_DATASETS: fileURLToPath(new URL('../../examples', import.meta.url)),
    HOLDFAST_STORE_URL: options.storeUrl ?? `file:${folder}`,
    HOLDFAST_BOOTSTRAP_TOKEN: token,
    ...options.environment,
  }
  const { clock, logger } = options
  const app = await testApp(t, { environment, ...(clock && { clock }), ...(logger && { logger }) })
  const databaseUrl = app.config.databaseUrl!
  const replica = () => testApp(t, { environment, databaseUrl })
  return { app, source, folder, environment, replica, call: caller(app) }
}

export function caller(app: FastifyInstance): Service['call'] {
  return async (method, path, body, headers = {}) => {
    const raw = await app.inject({
      method,
      url: `/api${path}`,
      headers: { authorization: `Bearer ${token}`, ...headers },
      ...(body && { payload: body }),
    })
    return { status: raw.statusCode, body: bodyOf(raw), raw }
  }
}

function bodyOf(raw: LightMyRequestResponse): Body {
  const isWhole = raw.statusCode !== 206 && raw.headers['content-encoding'] === undefined
  const isJson = /json/.test(String(raw.headers['content-type'])) && raw.rawPayload.length > 0
  return (isWhole && isJson ? raw.json() : {}) as Body
}

/** Takes a snapshot and waits until it is finished. */
export async function take(service: Service, body: object): Promise<Body> {
  const answer = await service.call('POST', '/snapshots', body, { prefer: 'wait=60' })
  if (answer.status !== 201) throw new Error(`${answer.status} ${answer.raw.body}`)
  return answer.body
}
