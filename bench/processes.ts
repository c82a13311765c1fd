import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { delimiter, dirname } from 'node:path'
import { setTimeout as rest } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('..', import.meta.url))

const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  scripts: { start: string }
}

/** What is started, as the shell has it: the service by the very words of `npm start`, and the least it could be. */
export const commands = {
  service: scripts.start,
  bare: 'exec node bench/bare.ts',
  bareRoutes: 'exec node --max-semi-space-size=8 bench/bare-routes.ts',
}

/** A process that answers at a port. */
export interface Started {
  child: ChildProcess
  /** Where it answers, without a slash at its end. */
  origin: string
  /** From the process to the first 200 of `/readyz`, in milliseconds. */
  readyMs: number
}

/** Starts a command on a port that is free, with nothing of our own environment; resolves when it is ready. */
export async function startReady(command: string, environment: Record<string, string>): Promise<Started> {
  const port = String(await freePort())
  const origin = `http://127.0.0.1:${port}`
  const path = [dirname(process.execPath), process.env['PATH']].join(delimiter)
  const began = performance.now()
  const child = spawn('sh', ['-c', command], {
    cwd: root,
    env: { ...environment, PATH: path, PORT: port },
    stdio: 'ignore',
  })
  await untilReady(child, origin)
  return { child, origin, readyMs: performance.now() - began }
}

/** Resident memory in MB, as ps tells it. */
export async function residentMemory({ child }: Started): Promise<number> {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(child.pid)])
  return (Number(stdout) * 1024) / 1e6
}

/** Ends it in order, so that it also writes down what it compiled. */
export async function end({ child }: Started): Promise<void> {
  child.kill('SIGTERM')
  await once(child, 'exit')
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

async function untilReady(child: ChildProcess, origin: string): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the process ended with ${child.exitCode}`)
    const answer = await fetch(`${origin}/readyz`).catch(() => null)
    await answer?.arrayBuffer()
    if (answer?.ok) return
    await rest(5)
  }
}
