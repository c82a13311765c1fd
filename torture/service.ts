import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

export const token = 'hf_torture_token_of_32_characters_'

/** The service in a process of its own. */
export interface Service {
  url: string
  process: ChildProcess
  /** What it wrote on standard error. */
  errors(): string
  /** Resolves when the process is gone, however it came to that. */
  gone: Promise<void>
  isGone(): boolean
  kill(): Promise<void>
}

export interface StartOptions {
  environment: Record<string, string>
  /** As HOLDFAST_FAILPOINTS has it. */
  failpoints?: string
  /** Told of each place that is reached, also before the service is ready. */
  onFailpoint?: (name: string, action: string, process: ChildProcess) => void
  /** A module that looks at the process from within: it can be sent messages to, and may collect garbage. */
  probe?: string
}

/** How long a start may take, in milliseconds: more than a starved machine needs. */
const startMs = 180_000

/** The service neither came up nor ended. */
export class NeverReady extends Error {}

/**
 * Starts the service as its users do.
 * @returns null when it was killed before it was ready
 * @throws when it ended by itself before that; NeverReady, with the service killed
 */
export async function startService(options: StartOptions): Promise<Service | null> {
  const { environment, failpoints = 'trace', onFailpoint = () => undefined, probe } = options
  // Without the test runner's options, whose handler for the signal of a limit ends the process.
  const command = ['-c', 'unset NODE_OPTIONS; exec "$0" "$@"', process.execPath]
  if (probe !== undefined) command.push('--expose-gc', '--import', probe)
  const child = spawn('sh', [...command, 'src/server.ts'], {
    cwd: root,
    env: {
      PATH: process.env['PATH'] ?? '',
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? '',
      PORT: '0',
      LOG_LEVEL: 'fatal',
      HOLDFAST_RATE_LIMIT: '0',
      HOLDFAST_BOOTSTRAP_TOKEN: token,
      HOLDFAST_FAILPOINTS: failpoints,
      HOLDFAST_BREAK_ON_PURPOSE: 'yes',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe', ...(probe === undefined ? [] : ['ipc' as const])],
  })
  let errors = ''
  child.stderr!.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-20_000)))
  let isGone = false
  const gone = once(child, 'exit').then(() => void (isGone = true))
  const ready = new Promise<string>((resolve) => {
    createInterface(child.stdout!).on('line', (line) => {
      const reached = /^failpoint (\S+) (\S+)$/.exec(line)
      if (reached !== null) return onFailpoint(reached[1]!, reached[2]!, child)
      const url = /ready at (\S+)/.exec(line)?.[1]
      if (url !== undefined) resolve(url)
    })
  })
  let isLate = false
  const timer = setTimeout(() => (isLate = child.kill('SIGKILL')), startMs)
  const url = await Promise.race([ready, gone])
  clearTimeout(timer)
  if (isLate) throw new NeverReady(`the service was not ready after ${startMs / 1000} s: ${errors}`)
  if (url === undefined) {
    if (child.signalCode === 'SIGKILL') return null
    throw new Error(`the service could not start: ${errors}`)
  }
  const kill = async () => {
    child.kill('SIGKILL')
    await gone
  }
  return { url, process: child, errors: () => errors, gone, isGone: () => isGone, kill }
}

/** What the API answers with; looked at field by field. */
export type Answer = Record<string, any> // oxlint-disable-line typescript/no-explicit-any

/** The service died, or said no: whoever asked looks later what became of it. */
export class Unanswered extends Error {}

/** Asks the API as an administrator's script would. @throws Unanswered */
export async function call(
  { url, gone }: Service,
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  body?: object,
  wait = 20,
): Promise<Answer> {
  const dead = gone.then(() => {
    throw new Unanswered('the service is gone')
  })
  try {
    return await Promise.race([ask(url, method, path, body, wait), dead])
  } catch (error) {
    throw error instanceof Unanswered ? error : new Unanswered(String(error), { cause: error })
  } finally {
    dead.catch(() => undefined)
  }
}

async function ask(url: string, method: string, path: string, body: object | undefined, wait: number) {
  const answer = await fetch(`${url}/api${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      prefer: `wait=${wait}`,
      ...(body && { 'content-type': 'application/json' }),
    },
    ...(body && { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  const content = (text === '' ? {} : JSON.parse(text)) as Answer
  if (!answer.ok)
    throw new Unanswered(`${method} ${path}: ${answer.status} ${content['code']} ${content['detail']}`)
  return content
}
