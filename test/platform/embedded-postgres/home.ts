import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../../src/platform/embedded-postgres.ts'
import { stopPostmaster } from '../../../src/platform/embedded-postgres/postmaster.ts'
import type { User } from '../../../src/platform/embedded-postgres/run.ts'

export const silent = { info() {}, error() {} }
export const isRoot = process.getuid?.() === 0

/**
 * A place for a home that isn't there yet, whose path has spaces; whatever runs in it ends with the test.
 * @param mode of the folder above it
 */
export async function newHome(t: Test, mode = 0o711): Promise<string> {
  const parent = await mkdtemp(join(await realpath(tmpdir()), 'holdfast home '))
  await chmod(parent, mode)
  const home = join(parent, '.holdfast')
  t.teardown(async () => {
    const directory = await realpath(join(home, 'postgres')).catch(() => null)
    if (directory) await stopPostmaster(directory)
    if (directory) await rm(directory, { recursive: true })
    await rm(parent, { recursive: true })
  })
  return home
}

export async function start(home: string): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres({ home, log: silent })
}

export const servicePath = fileURLToPath(new URL('service.ts', import.meta.url))

export interface Service {
  process: ChildProcess
  pid: number
  /** The next line that it says. */
  line(): Promise<string>
  ended: Promise<unknown>
}

/** The service in a process group of its own, as a terminal would have it. */
export function startService(t: Test, home: string, user: User = null): Service {
  const child = spawn(process.execPath, [servicePath, home], {
    ...user,
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {},
  })
  const ended = once(child, 'close')
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  t.teardown(() => child.kill('SIGKILL'))
  return {
    process: child,
    pid: child.pid!,
    line: async () => ((await lines.next()) as IteratorResult<string, string>).value,
    ended,
  }
}

/** Once it is up, or has said why it isn't. */
export async function answer(service: Service): Promise<{ url: string; adopted: boolean; error?: string }> {
  return JSON.parse(await service.line()) as { url: string; adopted: boolean; error?: string }
}
