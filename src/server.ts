import { mkdir } from 'node:fs/promises'
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { ConfigError, readConfig, type Config } from './platform/config.ts'
import type { EmbeddedPostgres } from './platform/embedded-postgres.ts'
import { armFailpoints, type ArmedFailpoint } from './platform/failpoints.ts'
import { giveBackMemory } from './platform/give-back-memory.ts'
import { StartError } from './platform/start-error.ts'

/** What has to be closed again, in reverse order, however far the start got. */
const opened: (() => Promise<void>)[] = []

async function main(): Promise<void> {
  const config = readConfig()
  if (config.failpoints !== null) breakOnPurpose(config.failpoints)
  enableCompileCache(join(config.home, 'compile-cache'))
  const [prepared, { buildApp }] = await Promise.all([prepareDatabase(config), import('./app.ts')])
  const app = await buildApp({ config: prepared, logger: { level: config.logLevel } })
  opened.push(() => app.close())
  const address = await listen(app, config)
  await welcome(app, address)
  giveBackMemory()
}

/** Says where it gets to, and goes on at SIGUSR2 where it was made to stand still. */
function breakOnPurpose(failpoints: ArmedFailpoint[]): void {
  const armed = armFailpoints(failpoints, (name, action) => say(`failpoint ${name} ${action}`))
  process.on('SIGUSR2', () => armed.release())
}

/** The embedded PostgreSQL with the sample source, unless the configuration names a database. */
async function prepareDatabase(config: Config): Promise<Config & { databaseUrl: string }> {
  const { databaseUrl, sources } = config
  if (databaseUrl !== null) return { ...config, databaseUrl }
  const { startEmbeddedPostgres } = await import('./platform/embedded-postgres.ts')
  const embedded: EmbeddedPostgres = await startEmbeddedPostgres({ home: config.home, log: quiet })
  opened.push(() => embedded.stop())
  if (Object.keys(sources).length > 0) return { ...config, databaseUrl: embedded.url('holdfast') }
  const sample = embedded.url('sample')
  const { createSample } = await import('./source/sample.ts')
  if (await createSample(sample, new Date())) say('Created the sample source: five example systems.')
  const datasetsDirectory = config.datasetsDirectory ?? join(import.meta.dirname, '../examples')
  return {
    ...(await withSampleFiles(config, sample)),
    databaseUrl: embedded.url('holdfast'),
    sources: { app: sample },
    datasetsDirectory,
  }
}

/** The sample's documents as files, and a folder that they can be delivered into, so that both can be tried at once. */
async function withSampleFiles(config: Config, sample: string): Promise<Config> {
  const { createSampleFiles } = await import('./source/sample-files.ts')
  const documents = join(config.home, 'documents')
  const deliveryRoot = config.deliveryRoot ?? join(config.home, 'deliveries')
  await mkdir(deliveryRoot, { recursive: true })
  if (config.fileStores['documents'] !== undefined) return { ...config, deliveryRoot }
  await createSampleFiles(sample, documents)
  return { ...config, deliveryRoot, fileStores: { ...config.fileStores, documents: `file:${documents}` } }
}

const quiet = { info() {}, error: (details: unknown, message?: string) => console.error(message ?? details) }

async function listen(app: FastifyInstance, { host, port }: Config): Promise<string> {
  try {
    return await app.listen({ host, port, listenTextResolver: (address) => `listening at ${address}` })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE') throw new StartError(`port ${port} is taken; choose another with PORT`)
    if (code === 'EACCES')
      throw new StartError(`port ${port} may not be used by this user; choose another with PORT`)
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
      throw new StartError(`HOST ${host} is not an address of this machine`)
    throw error
  }
}

async function welcome(app: FastifyInstance, address: string): Promise<void> {
  const { makeSetupLink } = await import('./access/setup.ts')
  say(`Holdfast ${app.config.version} is ready at ${address}`)
  const link = await makeSetupLink(app, address)
  if (link === null) say(`Sign in at ${address}/sign-in`)
  else say(`Nobody has an account yet. Make the first one here, within the hour: ${link}`)
  if (app.config.bootstrapToken !== null) say('HOLDFAST_BOOTSTRAP_TOKEN is an API token for scripts.')
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

let closing: Promise<void> | null = null

/** Ends in order: the service finishes or safely interrupts what runs, then the database goes. */
function close(): Promise<void> {
  closing ??= (async () => {
    for (const step of opened.toReversed()) await step()
  })()
  return closing
}

/** The database server may not be asked in vain for more than a moment; `connect ECONNREFUSED …` says enough. */
function reason(error: unknown): string | null {
  if (error instanceof ConfigError || error instanceof StartError) return error.message
  const { code, message, errors } = error as NodeJS.ErrnoException & { errors?: Error[] }
  if (/^(E[A-Z]+|28\w{3}|3D000|57P0\d)$/.test(code ?? ''))
    return `DATABASE_URL: ${message || errors?.[0]?.message || code}`
  return null
}

async function fail(error: unknown): Promise<void> {
  const line = reason(error)
  console.error(line === null ? error : `holdfast: ${line}`)
  process.exitCode = 1
  try {
    await close()
  } catch (failure) {
    console.error(failure)
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    say('Closing.')
    close().then(
      () => process.exit(process.exitCode ?? 0),
      (error: unknown) => {
        console.error(error)
        process.exit(1)
      },
    )
  })
}

await main().catch(fail)
