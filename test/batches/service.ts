import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import type { Test } from 'tap'
import type { BuiltInHandler } from '../../src/batches/batches.ts'
import { testApp, type TestAppOptions } from '../support/app.ts'
import { sql } from '../support/postgres.ts'

export const token = 'hf_test_token_of_thirty_two_characters'

/** What the API answers with; looked at field by field. */
export type Body = Record<string, any> // oxlint-disable-line typescript/no-explicit-any

export interface Answer {
  status: number
  body: Body
  raw: LightMyRequestResponse
}

export interface Service {
  app: FastifyInstance
  call(
    method: 'GET' | 'POST',
    path: string,
    body?: object | string,
    headers?: Record<string, string>,
  ): Promise<Answer>
  sql(text: string): Promise<Record<string, unknown>[]>
}

/** The service, asked as an administrator's script would. @param handler defined as `test` */
export async function batchService(
  t: Test,
  { handler, ...options }: TestAppOptions & { handler?: BuiltInHandler<{ value: number }> } = {},
): Promise<Service> {
  const app = await testApp(t, {
    ...options,
    environment: { HOLDFAST_BOOTSTRAP_TOKEN: token, ...options.environment },
    ...(handler && { routes: async (app) => app.batches.define('test', handler) }),
  })
  return {
    app,
    sql: (text) => sql(app.config.databaseUrl!, text),
    async call(method, path, body, headers = {}) {
      const raw = await app.inject({
        method,
        url: `/api${path}`,
        headers: { authorization: `Bearer ${token}`, ...headers },
        ...(body !== undefined && { payload: body }),
      })
      return { status: raw.statusCode, body: raw.body === '' ? {} : raw.json<Body>(), raw }
    },
  }
}

/** So many items, numbered from 1. */
export function items(count: number, from = 1) {
  return Array.from({ length: count }, (_, i) => ({ id: `item ${i + from}`, payload: { value: i + from } }))
}
