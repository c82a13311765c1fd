import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { buildApp } from '../src/app.ts'
import { readConfig } from '../src/platform/config.ts'
import type { Server } from './server.ts'

/** Of an administrator of every service here. */
export const token = 'hf_bench_token_of_thirty_two_characters'

/** The whole service, listening on a port of its own, with a new database and no datasets. */
export async function withService<T>(
  server: Server,
  work: (app: FastifyInstance, databaseUrl: string) => Promise<T>,
): Promise<T> {
  const database = 'holdfast_bench_service'
  await server.drop(database)
  const url = await server.create(database)
  const home = await mkdtemp(join(tmpdir(), 'holdfast-bench-'))
  const config = readConfig({
    HOLDFAST_HOME: home,
    HOLDFAST_DATASETS: home,
    HOLDFAST_RATE_LIMIT: '0',
    HOLDFAST_BOOTSTRAP_TOKEN: token,
    PORT: '0',
  })
  const app = await buildApp({ config: { ...config, databaseUrl: url } })
  await app.listen({ port: 0 })
  try {
    return await work(app, url)
  } finally {
    await app.close()
    await rm(home, { recursive: true, force: true })
    await server.drop(database)
  }
}
