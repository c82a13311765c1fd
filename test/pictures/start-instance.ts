import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { startEmbeddedPostgres } from '../../src/platform/embedded-postgres.ts'
import { createSampleFiles } from '../../src/source/sample-files.ts'
import { createSample } from '../../src/source/sample.ts'

const root = join(import.meta.dirname, '../..')

/** A service of its own over the sample, and how to end it. */
export interface Instance {
  url: string
  token: string
  /** Connection strings of its own database and of the sample. */
  database: string
  source: string
  stop(): Promise<void>
}

/** Starts the service in a temporary folder that goes with it. */
export async function startInstance(): Promise<Instance> {
  const home = await mkdtemp(join(tmpdir(), 'holdfast-pictures-'))
  await chmod(home, 0o711) // As root the database server runs as another user.
  const postgres = await startEmbeddedPostgres({ home, log: { info() {}, error: console.error } })
  const [database, source] = [postgres.url('holdfast'), postgres.url('sample')]
  const documents = join(home, 'documents')
  await createSample(source, new Date())
  await createSampleFiles(source, documents)
  await mkdir(join(home, 'deliveries'))
  const token = `hf_${randomBytes(32).toString('base64url')}`
  const service = spawn(process.execPath, ['src/server.ts'], {
    cwd: root,
    env: {
      ...{ PATH: process.env['PATH'], PORT: '0', LOG_LEVEL: 'error', HOLDFAST_HOME: home },
      ...{ DATABASE_URL: database, HOLDFAST_SOURCE_APP_URL: source, HOLDFAST_BOOTSTRAP_TOKEN: token },
      HOLDFAST_DATASETS: join(root, 'examples'),
      HOLDFAST_STORE_DOCUMENTS_URL: `file:${documents}`,
      HOLDFAST_DELIVERY_ROOT: join(home, 'deliveries'),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(service, 'exit')
  const url = await addressOf(service)
  return {
    ...{ url, token, database, source },
    async stop() {
      service.kill('SIGINT')
      await ended
      await postgres.stop()
      await rm(home, { recursive: true, force: true })
    },
  }
}

async function addressOf(service: ChildProcess): Promise<string> {
  for await (const text of createInterface(service.stdout!)) {
    const url = /ready at (\S+)/.exec(text)?.[1]
    if (url !== undefined) return url
  }
  throw new Error('the service did not start')
}
