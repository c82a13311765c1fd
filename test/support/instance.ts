import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

export const instanceToken = 'hf_kill_test_token_of_32_characters_'

/** The service in a process of its own, which can be killed. */
export interface Instance {
  process: ChildProcess
  url: string
}

/** Starts the service as its users do; resolves when it says that it is ready. */
export async function startInstance(environment: Record<string, string>): Promise<Instance> {
  const child = spawn(process.execPath, ['src/server.ts'], {
    cwd: root,
    env: {
      PATH: process.env['PATH'] ?? '',
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? '',
      PORT: '0',
      LOG_LEVEL: 'fatal',
      HOLDFAST_BOOTSTRAP_TOKEN: instanceToken,
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  for await (const line of createInterface(child.stdout!)) {
    const url = /ready at (\S+)/.exec(line)?.[1]
    if (url !== undefined) return { process: child, url }
  }
  throw new Error('the service ended before it was ready')
}

/** kill -9; resolves when it is gone. */
export async function killInstance({ process: child }: Instance): Promise<void> {
  child.kill('SIGKILL')
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

/** What the API answers with; looked at field by field. */
export type Answer = Record<string, any> // oxlint-disable-line typescript/no-explicit-any

/** Asks it as an administrator's script would, waiting for the end of what it begins. @param body makes it a POST */
export async function call({ url }: Instance, path: string, body?: object): Promise<Answer> {
  const answer = await fetch(`${url}/api${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      authorization: `Bearer ${instanceToken}`,
      prefer: 'wait=60',
      ...(body && { 'content-type': 'application/json' }),
    },
    ...(body && { body: JSON.stringify(body) }),
  })
  return (await answer.json()) as Answer
}

/** Follows an operation's events to their end. @param path such as `/restores/…` @returns what it came to */
export async function followToEnd(instance: Instance, path: string): Promise<Answer> {
  const headers = { authorization: `Bearer ${instanceToken}` }
  await (await fetch(`${instance.url}/api${path}/events`, { headers })).text()
  return call(instance, path)
}
