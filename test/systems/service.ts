import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { testDatabase } from '../support/postgres.ts'
import { migratedTemplate } from '../support/templates.ts'
import type { Asked } from './service-process.ts'

export const token = 'hf_walk_token_of_thirty_two_characters_'

const program = fileURLToPath(new URL('service-process.ts', import.meta.url))

export interface ListeningService {
  /** Where it listens at the moment. */
  url: string
  /** Holdfast's own database. */
  database: string
  /** Puts the clock forward; nobody looks for what is due meanwhile. */
  setClock(at: string): Promise<void>
  /** Lets time pass to this moment, and everything that is due then be done. */
  goTo(at: string): Promise<void>
  /** kill -9, and another start over the same database and store, with some settings changed. */
  restart(changed?: Record<string, string>): Promise<void>
}

/**
 * The whole service in a process of its own, listening, on a clock that tests move.
 * @param source connection string
 * @param begin when its clock is started; it goes on from there
 */
export async function listeningService(
  t: Test,
  source: string,
  environment: Record<string, string> = {},
  begin = '2026-11-20T10:00:00Z',
): Promise<ListeningService> {
  const home = await mkdtemp(join(tmpdir(), 'holdfast-walk-'))
  const database = await testDatabase(t, await migratedTemplate())
  const env = {
    ...{ PATH: process.env['PATH'], NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? '' },
    ...{ HOLDFAST_HOME: home, DATABASE_URL: database, HOLDFAST_SOURCE_APP_URL: source },
    ...{ PORT: '0', HOLDFAST_RATE_LIMIT: '0', HOLDFAST_BOOTSTRAP_TOKEN: token },
    HOLDFAST_DATASETS: fileURLToPath(new URL('../../examples', import.meta.url)),
    ...environment,
  }
  let now = begin
  let child: ChildProcess
  let nextMessage: () => Promise<unknown>
  const start = async (changed: Record<string, string> = {}) => {
    child = fork(program, { env: { ...env, ...changed, WALK_BEGINS_AT: now }, execArgv: [] })
    nextMessage = listener(child)
    service.url = String(await nextMessage())
  }
  const ask = async (asked: Asked) => {
    now = asked.at
    const answered = nextMessage()
    child.send(asked)
    await answered
  }
  const service: ListeningService = {
    url: '',
    database,
    setClock: (at) => ask({ at, doDue: false }),
    goTo: (at) => ask({ at, doDue: true }),
    async restart(changed = {}) {
      await kill(child)
      await start(changed)
    },
  }
  await start()
  t.teardown(async () => {
    await kill(child)
    await rm(home, { recursive: true, force: true })
  })
  return service
}

/** Answers with what the process says next. @throws when it ends instead */
function listener(child: ChildProcess): () => Promise<unknown> {
  const gone = once(child, 'exit').then(([code]): never => {
    throw new Error(`the service ended with ${code}`)
  })
  gone.catch(() => undefined)
  return async () => {
    const [message] = (await Promise.race([once(child, 'message'), gone])) as [unknown]
    return message
  }
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}
